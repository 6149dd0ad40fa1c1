// The step quantize: layers' weights, and what they read, as integers with scales. What it leaves
// is what ONNX calls QDQ: a quantize and a dequantize behind each other, which every engine may
// take together with the layer between them.
#include <algorithm>

#include "compress/moments.h"
#include "compress/quantize_rewrite.h"
#include "primitives/primitives.h"
#include "reference/gather.h"
#include "reference/recurrent.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Means of what a row of weights is multiplied with, a row a group.
struct Means {
  std::int64_t groups = 1;
  std::vector<double> values;
};

// From the moments, which know what padding adds; else from the channels' sums, which do not.
std::optional<Means> means_of(const Node& node, const Shape& w, std::int64_t size,
                              const Observation& input, const Moments* moments) {
  Means out;
  if (moments != nullptr && moments->rows > 0) {
    out.groups = moments->groups;
    for (const double sum : moments->first)
      out.values.push_back(sum / static_cast<double>(moments->rows));
    return out;
  }
  if (input.channel_sums.empty() || input.per_channel == 0) return std::nullopt;
  const auto channels = static_cast<std::int64_t>(input.channel_sums.size());
  const std::int64_t per_row = node.primitive == &kConv ? w[1] : size;  // channels of a row
  if (channels % per_row != 0) return std::nullopt;
  out.groups = channels / per_row;
  const std::int64_t taps = size / per_row;
  for (const double sum : input.channel_sums)
    out.values.insert(out.values.end(), at(taps), sum / static_cast<double>(input.per_channel));
  return out;
}

// Mean over the samples of what the weights' rounding adds to each output channel (Nagel et al.,
// "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, with measured
// means), negated.
std::vector<float> bias_correction(const Graph& graph, const QuantizePlan& plan,
                                   const Observation& input, const Moments* moments) {
  const Node& node = graph.node(plan.layer.node);
  const Tensor& w = *graph.value(plan.layer.weights).constant;
  const Rows rows(w.shape(), plan.layer.output_axis);
  if (!plan.layer.whole_channels || node.primitive == &kConvTranspose) return {};
  const std::optional<Means> means = means_of(node, w.shape(), rows.size, input, moments);
  if (!means) return {};
  std::vector<float> out(at(rows.count));
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const std::int64_t group = r / (rows.count / means->groups);
    double sum = 0;
    for (std::int64_t k = 0; k < rows.size; ++k) {
      const std::size_t i = rows.index(r, k);
      const double error =
          double{plan.weights.scale(r, k)} * plan.weights.codes[i] - double{w.values<float>()[i]};
      sum += error * means->values[at(group * rows.size + k)];
    }
    out[at(r)] = static_cast<float>(-sum);
  }
  return out;
}

// Weights besides those of layers: tables that a Gather takes rows of, and recurrent layers'; f32,
// and large enough to matter.
std::vector<StoredWeights> find_stored(const Graph& graph, const QuantizeOptions& options) {
  constexpr std::int64_t kSmall = 4096;
  std::vector<StoredWeights> out;
  const auto add = [&](NodeId id, std::size_t operand, int rank, int axis, bool rows) {
    const Node& node = graph.node(id);
    const ValueInfo& info = graph.value(node.operands[operand]);
    const std::string name = node.name.empty() ? graph.describe(id) : node.name;
    if (info.constant && info.type.dtype == DType::f32 && info.constant->rank() == rank &&
        info.constant->count() >= kSmall && options.filter.chooses(name) &&
        !options.scheme_of(name).keep)
      out.push_back({options.scheme_of(name).weights, id, operand, axis, rows});
  };
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const auto id = static_cast<NodeId>(n);
    if (node.primitive == &kGather) {
      const auto& a = attributes_of<GatherAttributes>(node);
      if (a.mode == GatherMode::take && a.axis == 0) add(id, 0, 2, 1, true);
    } else if (node.primitive == &kRecurrent) {
      add(id, 1, 3, 1, false);
      add(id, 2, 3, 1, false);
    }
  }
  return out;
}

Quantization plan_of(const Graph& graph, const std::vector<Layer>& layers,
                     const std::map<ValueId, Observation>& seen,
                     const std::map<std::size_t, Moments>& moments,
                     const QuantizeOptions& options) {
  Quantization out;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    QuantizePlan p;
    p.layer = layers[i];
    p.scheme = options.scheme_of(p.layer.name);
    if (p.scheme.keep || !options.filter.chooses(p.layer.name)) continue;
    const Tensor& w = *graph.value(p.layer.weights).constant;
    const Rows rows(w.shape(), p.layer.output_axis);
    WeightScheme& scheme = p.scheme.weights;
    if (!p.layer.whole_channels) scheme.granularity = Granularity::tensor;
    // Blocks are cut along one axis of the weights: a row of them must have no other.
    if (scheme.granularity == Granularity::block && w.count() != w.shape()[0] * w.shape()[1])
      scheme.granularity = Granularity::channel;
    p.weights = quantize_nearest(w.values<float>(), rows, scheme);
    const auto known = moments.find(i);
    const Moments* const m = known == moments.end() ? nullptr : &known->second;
    if (scheme.rounding == Rounding::reconstruct && m != nullptr)
      reconstruct(w.values<float>(), rows, scheme, *m, p.weights);
    const RangeOptions& range = p.scheme.activations.range;
    if (const auto o = seen.find(p.layer.input); o != seen.end()) {
      const std::int32_t least = range.symmetric ? -127 : 0, greatest = range.symmetric ? 127 : 255;
      p.input = linear_for(choose_range(o->second.histogram, o->second.average, range), least,
                           greatest, range.symmetric);
      if (options.correct_bias) p.bias_correction = bias_correction(graph, p, o->second, m);
    }
    out.layers.push_back(std::move(p));
  }
  if (options.tables) out.stored = find_stored(graph, options);
  return out;
}

}  // namespace

const LayerScheme& QuantizeOptions::scheme_of(const std::string& layer) const {
  for (auto o = overrides.rbegin(); o != overrides.rend(); ++o)
    if (LayerFilter{o->layers, {}}.chooses(layer)) return o->scheme;
  return scheme;
}

bool QuantizeOptions::needs_samples() const {
  const auto needs = [&](const LayerScheme& s) {
    return !s.keep && (!s.activations.none || s.weights.rounding == Rounding::reconstruct);
  };
  return correct_bias || needs(scheme) ||
         std::any_of(overrides.begin(), overrides.end(),
                     [&](const SchemeOverride& o) { return needs(o.scheme); });
}

Result<Quantizer> Quantizer::open(const Graph& graph, const QuantizeOptions& options,
                                  const StepContext& context, bool all) {
  Quantizer q;
  q.graph_ = graph;
  q.layers_ = find_layers(graph);
  std::erase_if(q.layers_, [&](const Layer& l) {
    return !options.filter.chooses(l.name) || (!all && options.scheme_of(l.name).keep);
  });
  if (context.samples == nullptr || q.layers_.empty()) return q;
  ASSIGN(q.seen_, observe(graph, inputs_of(graph, q.layers_), *context.samples, context.control));
  const bool rebuilt = std::any_of(q.layers_.begin(), q.layers_.end(), [&](const Layer& l) {
    return options.scheme_of(l.name).weights.rounding == Rounding::reconstruct;
  });
  if (all || rebuilt) {
    ASSIGN(q.moments_, second_moments(graph, q.layers_, *context.samples, context.control));
  }
  return q;
}

Result<Graph> Quantizer::apply(const QuantizeOptions& options, const StepContext& context) const {
  Quantization whole = plan_of(graph_, layers_, seen_, moments_, options);
  std::size_t layers = whole.layers.size(), stored = whole.stored.size();
  const auto body = [&](const Graph& of) {
    // What bodies compute is not observed: layers with integer activations stay as they are there.
    Quantization own = plan_of(of, find_layers(of), {}, {}, options);
    std::erase_if(own.layers, [](const QuantizePlan& p) { return !p.scheme.activations.none; });
    if (!options.scheme.activations.none) own.stored.clear();
    layers += own.layers.size();
    stored += own.stored.size();
    return own;
  };
  ASSIGN(Graph out, rewrite_quantized(graph_, std::move(whole), body));
  if (layers + stored == 0)
    return usage_error("there is nothing to quantize: no constant weights are chosen");
  context.note("quantized " + std::to_string(layers) + " layers, and " + std::to_string(stored) +
               " tables and recurrent weights");
  return out;
}

Result<Graph> QuantizeStep::apply(const Graph& graph, const StepContext& context) const {
  ASSIGN(const Quantizer quantizer, Quantizer::open(graph, options_, context));
  return quantizer.apply(options_, context);
}

namespace {

// The fields `weights` and `activations`; what they leave out stays as `s` has it.
Status read_scheme(Fields& fields, LayerScheme& s) {
  Fields w(fields.node("weights"), "weights of " + fields.what());
  w.read("bits", s.weights.bits, 2, 8);
  if (s.weights.bits != 2 && s.weights.bits != 4 && s.weights.bits != 8)
    w.fail(w.node("bits"), "'bits' of weights must be 2, 4 or 8");
  w.choose("granularity", s.weights.granularity);
  w.read("block", s.weights.block, 16, 256);
  w.choose("range", s.weights.range);
  w.choose("rounding", s.weights.rounding);
  TRY(w.finish());
  const YAML::Node activations = fields.node("activations");
  if (activations.IsScalar() && activations.Scalar() == "none") {
    s.activations.none = true;
    return {};
  }
  if (activations.IsDefined() && !activations.IsNull()) s.activations.none = false;
  Fields a(activations, "activations of " + fields.what());
  a.choose("observer", s.activations.range.observer);
  a.read("percentile", s.activations.range.percentile, 50, 100);
  a.read("symmetric", s.activations.range.symmetric);
  return a.finish();
}

Status read_overrides(const YAML::Node& list, QuantizeOptions& o) {
  if (!list.IsDefined()) return {};
  if (!list.IsSequence())
    return usage_error(at_line(list, "'overrides' is a list of maps that name layers"));
  for (const YAML::Node& node : list) {
    Fields f(node, "an override of quantize");
    SchemeOverride one{{}, o.scheme};
    f.read("layers", one.layers);
    f.read("keep", one.scheme.keep);
    TRY(read_scheme(f, one.scheme));
    if (one.layers.empty()) f.fail(node, "an override names its 'layers'");
    TRY(f.finish());
    o.overrides.push_back(std::move(one));
  }
  return {};
}

}  // namespace

Result<StepPtr> parse_quantize(Fields& fields) {
  QuantizeOptions o;
  o.filter.read(fields);
  TRY(read_scheme(fields, o.scheme));
  TRY(read_overrides(fields.node("overrides"), o));
  fields.read("correct_bias", o.correct_bias);
  fields.read("tables", o.tables);
  return StepPtr(std::make_unique<QuantizeStep>(std::move(o)));
}

}  // namespace gossamer::compress
