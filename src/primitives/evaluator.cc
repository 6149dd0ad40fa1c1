// The reference evaluator.
#include "primitives/evaluator.h"

#include <algorithm>

#include "graph/primitive.h"

namespace gossamer {
namespace {

// What all graphs of one run share.
struct Run {
  const EvaluateOptions& options;
  std::int64_t live_bytes = 0;
  std::int64_t steps = 0;

  Status charge(std::int64_t count) {
    if (count > options.max_steps - steps)
      return limit_error("the run exceeds its limit of " + std::to_string(options.max_steps) +
                         " node executions");
    steps += count;
    return poll();
  }

  Status hold(std::int64_t bytes) {
    if (bytes > options.max_bytes - live_bytes)
      return limit_error("the run exceeds its memory limit of " +
                         std::to_string(options.max_bytes) + " bytes");
    live_bytes += bytes;
    return {};
  }

  Status poll() {
    if (options.cancelled && options.cancelled->load(std::memory_order_relaxed))
      return {Code::interrupted, "the run was cancelled"};
    return {};
  }
};

Result<std::vector<Value>> run_graph(const Graph& graph, std::span<const Value> inputs, Run& run,
                                     bool outermost);

std::int64_t bytes_of(const Value& v) {
  std::int64_t sum = 0;
  if (v.is_tensor()) {
    sum = static_cast<std::int64_t>(v.tensor.byte_size());
    if (v.tensor.dtype() == DType::string)
      for (const std::string& s : v.tensor.values<std::string>())
        sum += static_cast<std::int64_t>(s.size());
    return sum;
  }
  for (const Value& item : v.list())
    sum += bytes_of(item) + static_cast<std::int64_t>(sizeof(Value));
  return sum;
}

class NodeContext final : public Context {
 public:
  NodeContext(Run& run, std::span<const std::shared_ptr<const Graph>> bodies, std::uint64_t number)
      : run_(run), bodies_(bodies), number_(number) {}

  ~NodeContext() override { run_.live_bytes -= held_; }
  NodeContext(const NodeContext&) = delete;
  NodeContext& operator=(const NodeContext&) = delete;

  void add_operand(const Value* v) { operands_.push_back(v); }
  void want(bool wanted) {
    wanted_.push_back(wanted);
    results_.emplace_back();
  }

  Result<Tensor*> make(std::size_t i, DType dtype, Shape shape) override {
    const std::optional<std::int64_t> count = shape.checked_count();
    const std::optional<std::int64_t> bytes =
        count ? checked_mul(*count, static_cast<std::int64_t>(dtype_size(dtype))) : std::nullopt;
    if (!bytes || *bytes > run_.options.max_bytes - run_.live_bytes)
      return limit_error("a result of type " + std::string(dtype_name(dtype)) + shape.to_string() +
                         " exceeds the memory limit of " + std::to_string(run_.options.max_bytes) +
                         " bytes");
    if (i >= results_.size()) results_.resize(i + 1);
    ASSIGN(Tensor t, Tensor::make_uninitialized(dtype, std::move(shape)));
    results_[i] = Value(std::move(t));
    return &results_[i].tensor;
  }

  Result<std::vector<Value>> run_body(std::size_t body, std::vector<Value> inputs) override {
    if (body >= bodies_.size()) return internal_error("no such body");
    TRY(run_.charge(1));
    return run_graph(*bodies_[body], inputs, run_, false);
  }

  Status poll() override { return run_.poll(); }
  Status hold(std::int64_t bytes) override {
    TRY(run_.hold(bytes));
    held_ += bytes;
    return {};
  }
  Status charge(std::int64_t steps) override { return run_.charge(steps); }
  std::uint64_t seed() const override { return run_.options.seed; }
  std::uint64_t node_number() const override { return number_; }

 private:
  Run& run_;
  std::span<const std::shared_ptr<const Graph>> bodies_;
  std::uint64_t number_;
  std::int64_t held_ = 0;
};

// Whether a computed value fits the type that inference promised; a misfit is a bug of ours.
bool fits(const Value& v, const Type& type) {
  if (v.is_tensor() != type.is_tensor()) return false;
  if (!v.is_tensor())
    return (v.kind == Value::Kind::sequence) == (type.kind == Type::Kind::sequence);
  if (v.tensor.dtype() != type.dtype) return false;
  if (!type.shape) return true;
  if (v.tensor.rank() != type.rank()) return false;
  for (int d = 0; d < type.rank(); ++d) {
    const std::optional<std::int64_t> n = type.dim(d).constant();
    if (n && *n != v.tensor.shape()[d]) return false;
  }
  return true;
}

std::string describe(const Value& v) {
  if (v.kind == Value::Kind::sequence) return "a sequence";
  if (v.kind == Value::Kind::optional) return "an optional";
  return std::string(dtype_name(v.tensor.dtype())) + v.tensor.shape().to_string();
}

// One graph's values while it runs.
class GraphRun {
 public:
  GraphRun(const Graph& graph, Run& run, bool outermost)
      : graph_(graph), run_(run), outermost_(outermost), values_(graph.values.size()) {
    find_needed();
  }

  Status bind(std::span<const Value> inputs) {
    if (inputs.size() != graph_.inputs.size())
      return usage_error("the graph takes " + std::to_string(graph_.inputs.size()) + " inputs, " +
                         std::to_string(inputs.size()) + " were given");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const ValueInfo& info = graph_.value(graph_.inputs[i]);
      if (!fits(inputs[i], info.type))
        return usage_error("input '" + info.name + "' expects " + info.type.to_string() + ", got " +
                           describe(inputs[i]));
      store(graph_.inputs[i], inputs[i]);
    }
    return {};
  }

  // Refuses at once what cannot fit: a value whose known size exceeds the limit on memory.
  Status check_sizes() const {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
      if (!needed_[static_cast<std::size_t>(id)]) continue;
      for (ValueId v : graph_.node(id).results) {
        if (v == kNoValue || !graph_.value(v).type.is_tensor()) continue;
        const std::optional<Shape> shape = graph_.value(v).type.static_shape();
        if (!shape) continue;
        const std::optional<std::int64_t> count = shape->checked_count();
        if (!count || *count > run_.options.max_bytes)
          return limit_error(graph_.describe(id) + ": the result " +
                             graph_.value(v).type.to_string() + " exceeds the memory limit");
      }
    }
    return {};
  }

  Status run() {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id)
      if (needed_[static_cast<std::size_t>(id)])
        if (Status s = run_node(id); !s.ok()) return std::move(s).in(graph_.describe(id));
    return {};
  }

  Status run_node(NodeId id) {
    const Node& node = graph_.node(id);
    TRY(run_.charge(1));
    NodeContext context(run_, node.bodies, static_cast<std::uint64_t>(run_.steps));
    for (ValueId v : node.operands) {
      if (v == kNoValue) {
        context.add_operand(nullptr);
        continue;
      }
      TRY(load_constant(v));
      context.add_operand(&values_[static_cast<std::size_t>(v)]);
    }
    for (ValueId v : node.results)
      context.want(v != kNoValue && uses_[static_cast<std::size_t>(v)] > 0);
    TRY(node.primitive->evaluate(node.attributes.get(), context));
    for (std::size_t i = 0; i < node.results.size(); ++i) TRY(keep(node.results[i], context, i));
    for (ValueId v : node.operands) release(v);
    return {};
  }

  Result<std::vector<Value>> outputs() {
    std::vector<Value> out;
    for (ValueId v : graph_.outputs) {
      TRY(load_constant(v));
      out.push_back(values_[static_cast<std::size_t>(v)]);
    }
    for (std::size_t v = 0; v < values_.size(); ++v)
      if (!graph_.values[v].constant) run_.live_bytes -= bytes_of(values_[v]);
    return out;
  }

 private:
  // Marks the nodes that the outputs depend on (the others are not run) and counts the reads of
  // each value by them.
  void find_needed() {
    uses_.assign(graph_.values.size(), 0);
    needed_.assign(graph_.nodes.size(), outermost_ && run_.options.on_value != nullptr);
    for (ValueId v : graph_.outputs) ++uses_[static_cast<std::size_t>(v)];
    for (std::size_t n = graph_.nodes.size(); n-- > 0;) {
      for (ValueId v : graph_.nodes[n].results)
        if (v != kNoValue && uses_[static_cast<std::size_t>(v)] > 0) needed_[n] = true;
      if (!needed_[n]) continue;
      for (ValueId v : graph_.nodes[n].operands)
        if (v != kNoValue) ++uses_[static_cast<std::size_t>(v)];
    }
  }

  void store(ValueId v, Value value) {
    run_.live_bytes += bytes_of(value);
    if (outermost_ && run_.options.on_value) run_.options.on_value(v, value);
    values_[static_cast<std::size_t>(v)] = std::move(value);
  }

  Status load_constant(ValueId v) {
    const ValueInfo& info = graph_.value(v);
    if (!info.constant) return {};
    ASSIGN(Tensor t, info.constant->unpack());
    values_[static_cast<std::size_t>(v)] = Value(std::move(t));
    return {};
  }

  Status keep(ValueId v, NodeContext& context, std::size_t i) {
    if (v == kNoValue || !context.wanted(i)) return {};
    if (!fits(context.result(i), graph_.value(v).type))
      return internal_error("result '" + graph_.value(v).name + "' was inferred as " +
                            graph_.value(v).type.to_string() + " but is " +
                            describe(context.result(i)));
    if (!context.result(i).is_tensor() &&
        bytes_of(context.result(i)) > run_.options.max_bytes - run_.live_bytes)
      return limit_error("a sequence exceeds the memory limit of " +
                         std::to_string(run_.options.max_bytes) + " bytes");
    store(v, std::move(context.result(i)));
    return {};
  }

  void release(ValueId v) {
    if (v == kNoValue || --uses_[static_cast<std::size_t>(v)] > 0) return;
    Value& value = values_[static_cast<std::size_t>(v)];
    if (!graph_.value(v).constant) run_.live_bytes -= bytes_of(value);
    value = Value();
  }

  const Graph& graph_;
  Run& run_;
  bool outermost_;
  std::vector<Value> values_;
  std::vector<std::int32_t> uses_;
  std::vector<bool> needed_;
};

Result<std::vector<Value>> run_graph(const Graph& graph, std::span<const Value> inputs, Run& run,
                                     bool outermost) {
  GraphRun state(graph, run, outermost);
  TRY(state.bind(inputs));
  if (outermost) TRY(state.check_sizes());
  TRY(state.run());
  return state.outputs();
}

}  // namespace

Result<std::vector<Value>> evaluate(const Graph& graph, std::span<const Value> inputs,
                                    const EvaluateOptions& options) {
  Run run{options};
  return run_graph(graph, inputs, run, true);
}

Result<std::vector<Value>> evaluate_node(const Primitive& primitive, const void* attributes,
                                         std::span<const Value* const> operands,
                                         std::size_t results, std::int64_t max_bytes) {
  EvaluateOptions options;
  options.max_bytes = max_bytes;
  Run run{options};
  NodeContext context(run, {}, 0);
  for (const Value* v : operands) context.add_operand(v);
  for (std::size_t i = 0; i < results; ++i) context.want(true);
  TRY(primitive.evaluate(attributes, context));
  std::vector<Value> out;
  for (std::size_t i = 0; i < results; ++i) out.push_back(std::move(context.result(i)));
  return out;
}

}  // namespace gossamer
