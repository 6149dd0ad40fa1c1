// Each operator of canonical.def is lowered once per element type with recognizable numbers as its
// parameters; the program that comes out is the template to compare with.
#include "onnx/canonical.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

#include "onnx/lower.h"
#include "onnx/raise.h"
#include "onnx/schemas.h"
#include "primitives/primitives.h"

namespace gossamer::onnx {
namespace {

struct Canonical {
  std::string_view op;
  std::int64_t since;
  std::size_t inputs;
  std::string_view parameters, fixed, fixed_value;
};

constexpr Canonical kCanonical[] = {
#define CANONICAL(op, since, inputs, parameters, fixed, value) \
  {op, since, inputs, parameters, fixed, value},
#include "onnx/canonical.def"
#undef CANONICAL
};

// Stand for the parameters; no expression has such constants of its own.
constexpr std::array<float, 2> kPlaceholders = {73.0F / 256, 209.0F / 256};

struct Template {
  const Canonical* canonical = nullptr;
  PointwiseProgram program;
  std::vector<int> operands;  // the operator's input for each input of the program
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// A model of the one operator.
Model model_of(const Canonical& c, DType dtype) {
  Model model;
  model.opsets[""] = kLatestOpset;
  Node node;
  node.op_type = c.op;
  Type type;
  type.kind = Type::Kind::tensor;
  type.dtype = dtype;
  for (std::size_t i = 0; i < c.inputs; ++i) {
    node.inputs.push_back("x" + std::to_string(i));
    model.graph.inputs.push_back({node.inputs.back(), type});
  }
  const std::vector<std::string> parameters = words(c.parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i)
    node.attributes.push_back(attribute(parameters[i], kPlaceholders[i]));
  if (!c.fixed.empty()) node.attributes.push_back(attribute(c.fixed, c.fixed_value));
  node.outputs = {"y"};
  model.graph.outputs.push_back({"y", {}});
  model.graph.nodes.push_back(std::move(node));
  return model;
}

std::optional<Template> template_of(const Canonical& c, DType dtype) {
  const auto graph = lower(std::make_shared<const Model>(model_of(c, dtype)));
  if (!graph.ok() || graph->nodes.size() != 1 || graph->nodes[0].primitive != &kPointwise)
    return std::nullopt;
  const gossamer::Node& node = graph->nodes[0];
  Template t;
  t.canonical = &c;
  t.program = attributes_of<PointwiseAttributes>(node).program;
  for (const ValueId v : node.operands) {
    const auto at = std::find(graph->inputs.begin(), graph->inputs.end(), v);
    t.operands.push_back(static_cast<int>(at - graph->inputs.begin()));
  }
  if (t.program.results.size() != 1) return std::nullopt;
  return t;
}

const std::vector<Template>& templates_of(DType dtype) {
  static std::mutex mutex;
  static std::map<DType, std::vector<Template>> cache;
  const std::lock_guard lock(mutex);
  const auto it = cache.find(dtype);
  if (it != cache.end()) return it->second;
  std::vector<Template> made;
  for (const Canonical& c : kCanonical)
    if (auto t = template_of(c, dtype)) made.push_back(std::move(*t));
  std::stable_sort(made.begin(), made.end(), [](const Template& a, const Template& b) {
    return a.program.instructions.size() > b.program.instructions.size();
  });
  return cache.emplace(dtype, std::move(made)).first->second;
}

double value_of(const Scalar& s) {
  return s.dtype == DType::f64 ? std::bit_cast<double>(s.bits)
                               : double{std::bit_cast<float>(static_cast<std::uint32_t>(s.bits))};
}

class Matcher {
 public:
  Matcher(const Template& t, const PointwiseProgram& program)
      : template_(t), program_(program), inputs_(t.canonical->inputs) {}

  bool match(Ref t, Ref p) {
    const PointwiseProgram& pattern = template_.program;
    if (pattern.dtype_of(t) != program_.dtype_of(p)) return false;
    if (t.kind == Ref::Kind::input) {
      auto& bound =
          inputs_[static_cast<std::size_t>(template_.operands[static_cast<std::size_t>(t.index)])];
      if (bound) return *bound == p;
      bound = p;
      return true;
    }
    if (p.kind != t.kind) return false;
    if (t.kind == Ref::Kind::constant)
      return match_constant(pattern.constants[static_cast<std::size_t>(t.index)],
                            program_.constants[static_cast<std::size_t>(p.index)]);
    const Instruction& a = pattern.instructions[static_cast<std::size_t>(t.index)];
    Instruction b = program_.instructions[static_cast<std::size_t>(p.index)];
    const auto args = b.args;
    b.args = a.args;
    if (!(a == b)) return false;
    for (int i = 0; i < pointwise_op_operands(a.op); ++i)
      if (!match(a.args[static_cast<std::size_t>(i)], args[static_cast<std::size_t>(i)]))
        return false;
    return true;
  }

  std::optional<CanonicalMatch> found() const {
    CanonicalMatch m;
    m.op = template_.canonical->op;
    for (const auto& input : inputs_) {
      if (!input) return std::nullopt;
      m.inputs.push_back(*input);
    }
    const std::vector<std::string> names = words(template_.canonical->parameters);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!parameters_[i]) return std::nullopt;
      m.attributes.push_back(attribute(names[i], *parameters_[i]));
    }
    if (!template_.canonical->fixed.empty())
      m.attributes.push_back(
          attribute(template_.canonical->fixed, template_.canonical->fixed_value));
    return m;
  }

 private:
  bool match_constant(const Scalar& t, const Scalar& p) {
    if (t.dtype == DType::f32 || t.dtype == DType::f64) {
      for (std::size_t i = 0; i < kPlaceholders.size(); ++i) {
        if (template_.canonical->parameters.empty()) break;
        const double v = value_of(p);
        if (value_of(t) == double{kPlaceholders[i]}) return bind(i, v);
        if (value_of(t) == -double{kPlaceholders[i]}) return bind(i, -v);
      }
    }
    return t == p;
  }

  bool bind(std::size_t i, double v) {
    const auto f = static_cast<float>(v);
    if (double{f} != v) return false;
    if (parameters_[i]) return *parameters_[i] == f;
    parameters_[i] = f;
    return true;
  }

  const Template& template_;
  const PointwiseProgram& program_;
  std::vector<std::optional<Ref>> inputs_;
  std::array<std::optional<float>, kPlaceholders.size()> parameters_;
};

}  // namespace

std::vector<CanonicalMatch> canonical_matches(const PointwiseProgram& program, Ref root,
                                              std::int64_t opset) {
  std::vector<CanonicalMatch> out;
  if (root.kind != Ref::Kind::result) return out;
  // The operators' inputs have the result's element type, but for predicates and what is computed
  // wide: templates of the types that occur in the program are tried.
  std::vector<DType> dtypes;
  const auto add = [&](DType d) {
    if (is_arithmetic_float(d) && std::find(dtypes.begin(), dtypes.end(), d) == dtypes.end())
      dtypes.push_back(d);
  };
  add(program.dtype_of(root));
  for (const DType d : program.inputs) add(d);
  for (const DType d : dtypes) {
    for (const Template& t : templates_of(d)) {
      if (t.canonical->since > opset) continue;
      Matcher m(t, program);
      if (!m.match(t.program.results[0], root)) continue;
      if (auto found = m.found()) out.push_back(std::move(*found));
    }
  }
  return out;
}

}  // namespace gossamer::onnx
