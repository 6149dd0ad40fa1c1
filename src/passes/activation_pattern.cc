// Activations that exporters spell out in parts, and the expressions that lowering their operators
// gives.
#include "passes/activation_pattern.h"

#include <algorithm>
#include <limits>

#include "passes/rewriter.h"
#include "passes/terms.h"

namespace gossamer {
namespace {

struct Activation {
  std::string_view pattern, form;
  std::int64_t opset;  // from which on there is an operator for it
};

constexpr std::int64_t kGeluOpset = 20;
constexpr std::int64_t kHardSigmoidOpset = 1;  // times x

constexpr std::string_view kGelu =
    "(f32) a = mul x0 0.70710677:f32; b = erf a; c = mul x0 0.5:f32; d = add b 1:f32; y0 = mul c d";
constexpr std::string_view kGeluForm =
    "(f32) a = mul x0 0.70710677:f32; b = erf a; c = mul 0.5:f32 x0; d = add 1:f32 b; y0 = mul c d";
constexpr std::string_view kTanhForm =
    "(f32) a = mul x0 x0; b = mul x0 a; c = mul 0.044715:f32 b; d = add x0 c; "
    "e = mul 0.7978846:f32 d; f = tanh e; g = mul 0.5:f32 x0; h = add 1:f32 f; y0 = mul g h";
constexpr std::string_view kHardSwishForm =
    "(f32) a = mul x0 0.16666667:f32; b = add a 0.5:f32; c = max b 0:f32; d = min 1:f32 c; "
    "y0 = mul x0 d";

// What exporters write, in the order tried.
constexpr Activation kActivations[] = {
    {kGelu, kGeluForm, kGeluOpset},
    {"(f32) a = div x0 1.4142135:f32; b = erf a; c = add b 1:f32; d = mul x0 c; y0 = mul d 0.5:f32",
     kGeluForm, kGeluOpset},
    {"(f32) a = mul x0 0.70710677:f32; b = erf a; c = add b 1:f32; d = mul x0 c; "
     "y0 = mul d 0.5:f32",
     kGeluForm, kGeluOpset},
    {"(f32) a = div x0 1.4142135:f32; b = erf a; c = add b 1:f32; d = mul x0 0.5:f32; y0 = mul d c",
     kGeluForm, kGeluOpset},
    {"(f32) a = div x0 1.4142135:f32; b = erf a; c = add b 1:f32; d = mul c 0.5:f32; y0 = mul x0 d",
     kGeluForm, kGeluOpset},
    {"(f32) a = mul x0 x0; b = mul x0 a; c = mul b 0.044715:f32; d = add x0 c; "
     "e = mul d 0.7978846:f32; f = tanh e; g = add f 1:f32; h = mul x0 0.5:f32; y0 = mul h g",
     kTanhForm, kGeluOpset},
    {"(f32) b = pow x0 3:f32; c = mul b 0.044715:f32; d = add x0 c; e = mul d 0.7978846:f32; "
     "f = tanh e; g = add f 1:f32; h = mul x0 0.5:f32; y0 = mul h g",
     kTanhForm, kGeluOpset},
    {"(f32) b = pow x0 3:f32; c = mul b 0.044715:f32; d = add x0 c; e = mul d 0.7978846:f32; "
     "f = tanh e; g = add f 1:f32; h = mul x0 g; y0 = mul h 0.5:f32",
     kTanhForm, kGeluOpset},
    {"(f32) a = add x0 3:f32; b = max a 0:f32; c = min b 6:f32; d = mul x0 c; y0 = div d 6:f32",
     kHardSwishForm, kHardSigmoidOpset},
    {"(f32) a = add x0 3:f32; b = max a 0:f32; c = min b 6:f32; d = div c 6:f32; y0 = mul x0 d",
     kHardSwishForm, kHardSigmoidOpset},
    {"(f32) a = add x0 3:f32; b = max a 0:f32; c = min b 6:f32; d = mul c 0.16666667:f32; "
     "y0 = mul x0 d",
     kHardSwishForm, kHardSigmoidOpset},
};

struct Rule {
  PointwiseProgram pattern, form;
};

Result<std::vector<Rule>> parse_rules(std::int64_t opset) {
  std::vector<Rule> rules;
  for (const Activation& a : kActivations) {
    if (a.opset > opset) continue;
    ASSIGN(PointwiseProgram pattern, parse_pointwise(a.pattern));
    ASSIGN(PointwiseProgram form, parse_pointwise(a.form));
    rules.push_back({std::move(pattern), std::move(form)});
  }
  return rules;
}

Result<bool> recover(Rewriter& r, const std::vector<Rule>& rules, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kPointwise || node.results.size() != 1) return false;
  // The node joins the graph, so that patterns see it; when one fits, nothing reads it any more.
  TRY(r.keep(id));
  const ValueId root = r.at(node.results[0]);
  if (r.graph().value(root).type.dtype != DType::f32) return true;
  const Terms terms(r.graph());
  for (const Rule& rule : rules) {
    std::vector<ValueId> bound;
    if (!terms.matches(rule.pattern, root, bound)) continue;
    const Type& x = r.graph().value(bound[0]).type;
    const auto& own = attributes_of<PointwiseAttributes>(node).program;
    if (own == rule.form || !x.ranked() || !(x == r.graph().value(root).type)) return true;
    ASSIGN(const ValueId y,
           r.b().one(kPointwise, PointwiseAttributes{rule.form, false}, {bound[0]}));
    TRY(r.replace(node.results[0], y));
    return true;
  }
  return true;
}

}  // namespace

Result<ActivationPatterns> ActivationPatterns::make() {
  ASSIGN(std::vector<Rule> rules, parse_rules(std::numeric_limits<std::int64_t>::max()));
  ActivationPatterns out;
  for (Rule& rule : rules) out.patterns_.push_back(std::move(rule.pattern));
  return out;
}

bool ActivationPatterns::match(const Graph& graph, ValueId root) const {
  if (graph.value(root).type.dtype != DType::f32) return false;
  const Terms terms(graph);
  std::vector<ValueId> bound;
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const PointwiseProgram& pattern) {
    return terms.matches(pattern, root, bound);
  });
}

Result<Rewritten> recover_activations_of(const Graph& graph, std::int64_t opset) {
  ASSIGN(const std::vector<Rule> rules, parse_rules(opset));
  return rewrite(graph, [&rules](Rewriter& r) -> NodeRule {
    return [&r, &rules](NodeId id) { return recover(r, rules, id); };
  });
}

}  // namespace gossamer
