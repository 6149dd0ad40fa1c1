// Checking inputs against a model and lowering for them.
#include "onnx/bind.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "primitives/evaluator.h"

namespace gossamer::onnx {
namespace {

constexpr int kMaxBindings = 8;  // rounds of asking for further inputs

std::string list_inputs(const Model& model) {
  std::string out;
  for (const ValueInfo* v : free_inputs(model))
    out += (out.empty() ? "" : ", ") + ("'" + v->name + "' " + to_text(v->type));
  return "the model expects " + (out.empty() ? std::string("no inputs") : out);
}

bool fits(const Value& v, const Type& t) {
  if (t.kind == Type::Kind::optional) {
    if (v.kind != Value::Kind::optional) return t.element && fits(v, *t.element);
    return v.list().empty() || (t.element && fits(v.list()[0], *t.element));
  }
  if (t.kind == Type::Kind::sequence) {
    return v.kind == Value::Kind::sequence && t.element &&
           std::all_of(v.list().begin(), v.list().end(),
                       [&](const Value& x) { return fits(x, *t.element); });
  }
  if (t.kind != Type::Kind::tensor || !v.is_tensor() || v.tensor.dtype() != t.dtype) return false;
  if (!t.shape) return true;
  if (static_cast<int>(t.shape->size()) != v.tensor.rank()) return false;
  for (int d = 0; d < v.tensor.rank(); ++d) {
    const auto& wanted = (*t.shape)[static_cast<std::size_t>(d)].value;
    if (wanted && *wanted != v.tensor.shape()[d]) return false;
  }
  return true;
}

std::string describe(const Value& v) {
  if (!v.is_tensor()) return v.kind == Value::Kind::sequence ? "a sequence" : "an optional";
  return std::string(dtype_name(v.tensor.dtype())) + v.tensor.shape().to_string();
}

Status check_inputs(const Model& model, const std::map<std::string, Value>& inputs) {
  std::set<std::string> known;
  for (const ValueInfo* info : free_inputs(model)) {
    known.insert(info->name);
    const auto it = inputs.find(info->name);
    if (it == inputs.end()) {
      if (info->type.kind == Type::Kind::optional) continue;
      return usage_error("input '" + info->name + "' is missing", list_inputs(model));
    }
    if (!fits(it->second, info->type))
      return usage_error("input '" + info->name + "' is " + describe(it->second) + ", expected " +
                             to_text(info->type),
                         list_inputs(model));
  }
  for (const ValueInfo& info : model.graph.inputs) known.insert(info.name);
  for (const auto& [name, value] : inputs)
    if (!known.contains(name))
      return usage_error("the model has no input '" + name + "'", list_inputs(model));
  return {};
}

}  // namespace

std::vector<const ValueInfo*> free_inputs(const Model& model) {
  std::set<std::string> initialized;
  for (const Initializer& i : model.graph.initializers) initialized.insert(i.name);
  for (const SparseTensor& s : model.graph.sparse_initializers) initialized.insert(s.name);
  std::vector<const ValueInfo*> out;
  for (const ValueInfo& v : model.graph.inputs)
    if (!initialized.contains(v.name)) out.push_back(&v);
  return out;
}

std::string to_text(const Type& type) {
  switch (type.kind) {
    case Type::Kind::tensor: {
      std::string out(dtype_name(type.dtype));
      if (!type.shape) return out + "[*]";
      out += "[";
      for (std::size_t i = 0; i < type.shape->size(); ++i) {
        const Dimension& d = (*type.shape)[i];
        out += (i ? "," : "") + (d.value           ? std::to_string(*d.value)
                                 : d.param.empty() ? "?"
                                                   : d.param);
      }
      return out + "]";
    }
    case Type::Kind::sequence:
      return "seq(" + (type.element ? to_text(*type.element) : "?") + ")";
    case Type::Kind::optional:
      return "opt(" + (type.element ? to_text(*type.element) : "?") + ")";
    case Type::Kind::sparse_tensor:
      return "sparse(" + std::string(dtype_name(type.dtype)) + ")";
    case Type::Kind::map:
      return "map";
    default:
      return "?";
  }
}

Result<gossamer::Graph> lower_for(const std::shared_ptr<const Model>& model,
                                  const std::map<std::string, Value>& inputs,
                                  LowerOptions options) {
  TRY(check_inputs(*model, inputs));
  options.refuse_late = false;  // the values are at hand
  for (const auto& [name, value] : inputs)
    if (value.is_tensor()) options.shapes[name] = value.tensor.shape();
  // An input that has an initializer as its default is overridden by binding it.
  const std::vector<const ValueInfo*> free = free_inputs(*model);
  for (const auto& [name, value] : inputs)
    if (std::none_of(free.begin(), free.end(),
                     [&](const ValueInfo* v) { return v->name == name; }) &&
        value.is_tensor())
      options.bound[name] = value.tensor;
  for (int round = 0;; ++round) {
    std::vector<std::string> wanted;
    Result<gossamer::Graph> graph = lower(model, options, &wanted);
    if (graph.ok() || wanted.empty() || round == kMaxBindings) return graph;
    bool progress = false;
    for (const std::string& name : wanted) {
      const auto it = inputs.find(name);
      if (it != inputs.end() && it->second.is_tensor() &&
          options.bound.emplace(name, it->second.tensor).second)
        progress = true;
    }
    if (!progress) return graph;
  }
}

namespace {

// Three quarters of what the machine has: a run that wants more is refused, not killed.
std::int64_t usable_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
  if (pages <= 0 || page <= 0) return std::int64_t{1} << 34;
  return static_cast<std::int64_t>(pages) / 4 * 3 * static_cast<std::int64_t>(page);
}

}  // namespace

Result<std::vector<NamedValue>> run_graph(const gossamer::Graph& graph,
                                          const std::map<std::string, Value>& inputs,
                                          const RunOptions& run) {
  std::vector<Value> values;
  for (ValueId v : graph.inputs) {
    const auto it = inputs.find(graph.value(v).name);
    Value value = it != inputs.end() ? it->second : Value::optional({});
    if (graph.value(v).type.kind == gossamer::Type::Kind::optional &&
        value.kind != Value::Kind::optional)
      value = Value::optional({value});
    values.push_back(std::move(value));
  }
  EvaluateOptions evaluate_options;
  evaluate_options.seed = run.seed;
  evaluate_options.cancelled = run.cancelled;
  evaluate_options.max_bytes = usable_memory();
  ASSIGN(std::vector<Value> outputs, evaluate(graph, values, evaluate_options));
  std::vector<NamedValue> out;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    out.push_back({graph.value(graph.outputs[i]).name, std::move(outputs[i])});
  return out;
}

Result<std::vector<NamedValue>> run_reference(const std::shared_ptr<const Model>& model,
                                              const std::map<std::string, Value>& inputs,
                                              LowerOptions options, const RunOptions& run) {
  ASSIGN(gossamer::Graph graph, lower_for(model, inputs, std::move(options)));
  return run_graph(graph, inputs, run);
}

}  // namespace gossamer::onnx
