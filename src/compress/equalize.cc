// The step equalize: channels of what layers read are brought to like ranges, so that integers with
// one scale for all of them lose less. The factors go into the weights before and behind (Nagel et
// al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019; Xiao et al.,
// "SmoothQuant", 2023, whose `strength` shares the burden between values and weights).
#include <algorithm>
#include <cmath>

#include "compress/scale_groups.h"
#include "compress/step.h"
#include "passes/rewriter.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct EqualizeOptions {
  double strength = 0.5;
  double most = 64;   // of the factors, and of their reciprocals
  double margin = 3;  // between what samples reached and where values are cut off
};

using Observations = std::map<ValueId, Observation>;

// Largest magnitudes of each channel in what the layers read.
std::vector<double> reach_of(const ScaleGroup& g, const Observations& seen) {
  std::vector<double> out(at(g.channels), 0);
  for (const ValueId v : g.read) {
    const auto o = seen.find(v);
    if (o == seen.end() || o->second.channel_most.size() != out.size()) continue;
    for (std::size_t c = 0; c < out.size(); ++c)
      out[c] = std::max(out[c], double{o->second.channel_most[c]});
  }
  return out;
}

// Largest weights that each channel is multiplied with.
std::vector<double> weights_of(const Graph& graph, const ScaleGroup& g) {
  std::vector<double> out(at(g.channels), 0);
  for (const ScaledOperand& end : g.consumers) {
    const auto w =
        graph.value(graph.node(end.node).operands[end.operand]).constant->values<float>();
    for (std::size_t i = 0; i < w.size(); ++i) {
      double& most = out[at(end.channel(static_cast<std::int64_t>(i)))];
      most = std::max(most, std::abs(double{w[i]}));
    }
  }
  return out;
}

// How far a channel may grow before a cut reaches values that it let pass: 1 where it cuts already.
double room_of(const ScaleGroup& g, std::size_t c, const Observations& seen, double margin) {
  double room = std::numeric_limits<double>::infinity();
  for (const Bound& b : g.bounds) {
    const auto o = seen.find(b.value);
    if (o == seen.end() || c >= o->second.channel_most.size()) return 1;
    const double most = std::max(double{o->second.channel_most[c]}, b.limit * 1e-6);
    room = std::min(room, b.limit / (most * margin));
  }
  return std::max(room, 1.0);
}

// The factor of each channel; all 1 when there is nothing to gain.
std::vector<float> factors(const Graph& graph, const ScaleGroup& g, const Observations& seen,
                           const EqualizeOptions& options) {
  const std::vector<double> reach = reach_of(g, seen), weights = weights_of(graph, g);
  const double strength = g.separate ? 1 : options.strength;
  const double widest = *std::max_element(reach.begin(), reach.end());
  std::vector<double> s(reach.size(), 1);
  double logs = 0;
  std::int64_t known = 0;
  for (std::size_t c = 0; c < s.size(); ++c) {
    if (!(reach[c] > widest * 1e-6) || !(weights[c] > 0)) continue;
    s[c] = std::pow(weights[c], 1 - strength) / std::pow(reach[c], strength);
    logs += std::log(s[c]);
    ++known;
  }
  // Bounded groups only grow: measured from the channel that reaches farthest.
  double unit = known > 0 ? std::exp(logs / static_cast<double>(known)) : 1;
  if (!g.bounds.empty()) unit = std::pow(widest, -strength);
  std::vector<float> out(s.size(), 1);
  for (std::size_t c = 0; c < s.size(); ++c) {
    if (!(reach[c] > widest * 1e-6) || !(weights[c] > 0)) continue;
    double factor = g.bounds.empty() ? s[c] / unit : std::pow(reach[c], -strength) / unit;
    factor = std::clamp(factor, 1 / options.most, options.most);
    if (!g.bounds.empty()) factor = std::clamp(factor, 1.0, room_of(g, c, seen, options.margin));
    out[c] = static_cast<float>(factor);
  }
  return out;
}

class EqualizeRule {
 public:
  using Scaled = std::map<std::pair<NodeId, std::size_t>, Tensor>;
  EqualizeRule(Rewriter& r, const Scaled& scaled) : r_(r), scaled_(scaled) {}

  Result<bool> operator()(NodeId id) {
    const Node& node = r_.node(id);
    std::vector<ValueId> operands = r_.operands(id);
    bool changed = false;
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (const auto t = scaled_.find({id, i}); t != scaled_.end()) {
        operands[i] = r_.b().constant(t->second, r_.old().value(node.operands[i]).name);
        changed = true;
      }
    if (!changed) return false;
    ASSIGN(const std::vector<ValueId> results,
           r_.b().add(*node.primitive, node.attributes, std::move(operands),
                      static_cast<int>(node.results.size())));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (node.results[i] != kNoValue) TRY(r_.replace(node.results[i], results[i]));
    return true;
  }

 private:
  Rewriter& r_;
  const Scaled& scaled_;
};

class EqualizeStep : public Step {
 public:
  explicit EqualizeStep(EqualizeOptions options) : options_(options) {}
  bool needs_samples() const override { return true; }
  Result<Graph> apply(const Graph& graph, const StepContext& context) const override;

 private:
  EqualizeOptions options_;
};

// Multiplies what constants hold at an end by their channels' factors, or divides.
Status scale(const Graph& graph, const ScaledOperand& end, const std::vector<float>& factors,
             bool divide, EqualizeRule::Scaled& scaled) {
  const Tensor& whole = *graph.value(graph.node(end.node).operands[end.operand]).constant;
  auto it = scaled.find({end.node, end.operand});
  if (it == scaled.end()) {
    ASSIGN(Tensor copy, Tensor::make_uninitialized(DType::f32, whole.shape()));
    std::copy(whole.values<float>().begin(), whole.values<float>().end(),
              copy.mutable_values<float>().begin());
    it = scaled.emplace(std::pair(end.node, end.operand), std::move(copy)).first;
  }
  const auto values = it->second.mutable_values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float f = factors[at(end.channel(static_cast<std::int64_t>(i)))];
    values[i] = divide ? values[i] / f : values[i] * f;
  }
  return {};
}

Result<Graph> EqualizeStep::apply(const Graph& graph, const StepContext& context) const {
  const std::vector<ScaleGroup> groups = find_scale_groups(graph);
  if (groups.empty()) {
    context.note("equalize: no two layers pass factors on to each other");
    return graph;
  }
  ChannelAxes values;
  for (const ScaleGroup& g : groups) {
    for (const ValueId v : g.read) values.emplace(v, g.axis);
    for (const Bound& b : g.bounds) values.emplace(b.value, g.axis);
  }
  ASSIGN(const Observations seen, observe(graph, values, *context.samples, context.control));
  EqualizeRule::Scaled scaled;
  for (const ScaleGroup& g : groups) {
    const std::vector<float> by = factors(graph, g, seen, options_);
    for (const ScaledOperand& end : g.producers) TRY(scale(graph, end, by, false, scaled));
    for (const ScaledOperand& end : g.consumers) TRY(scale(graph, end, by, true, scaled));
  }
  context.note("equalized the channels of " + std::to_string(groups.size()) + " values");
  const EqualizeRule::Scaled none;  // of bodies of branches and loops
  return rewritten(graph, [&](Rewriter& r) -> NodeRule {
    return EqualizeRule(r, &r.old() == &graph ? scaled : none);
  });
}

}  // namespace

Result<StepPtr> parse_equalize(Fields& fields) {
  EqualizeOptions o;
  fields.read("strength", o.strength, 0, 1);
  fields.read("margin", o.margin, 1, 10);
  return StepPtr(std::make_unique<EqualizeStep>(o));
}

}  // namespace gossamer::compress
