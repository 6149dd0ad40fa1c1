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

// Mean over the samples of what the weights' rounding adds to each output channel (Nagel et al.,
// "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, with measured
// means), negated.
std::vector<float> bias_correction(const Graph& graph, const QuantizePlan& plan,
                                   const Observation& input) {
  const Node& node = graph.node(plan.layer.node);
  const Tensor& w = *graph.value(plan.layer.weights).constant;
  const Rows rows(w.shape(), plan.layer.output_axis);
  if (input.channel_sums.empty() || input.per_channel == 0 || !plan.layer.whole_channels ||
      node.primitive == &kConvTranspose)
    return {};
  const auto channels = static_cast<std::int64_t>(input.channel_sums.size());
  const bool conv = node.primitive == &kConv;
  const std::int64_t per_row = conv ? w.shape()[1] : rows.size;  // input channels of a row
  if (channels % per_row != 0) return {};
  const std::int64_t groups = channels / per_row, taps = rows.size / per_row;
  std::vector<float> out(at(rows.count));
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const std::int64_t first = r / (rows.count / groups) * per_row;
    double sum = 0;
    for (std::int64_t k = 0; k < rows.size; ++k) {
      const std::size_t i = rows.index(r, k);
      const double error =
          double{plan.weights.scale(r, k)} * plan.weights.codes[i] - double{w.values<float>()[i]};
      const double mean =
          input.channel_sums[at(first + k / taps)] / static_cast<double>(input.per_channel);
      sum += error * mean;
    }
    out[at(r)] = static_cast<float>(-sum);
  }
  return out;
}

// Weights besides those of layers: tables that a Gather takes rows of, and recurrent layers'; f32,
// and large enough to matter.
std::vector<StoredWeights> find_stored(const Graph& graph, const LayerFilter& filter) {
  constexpr std::int64_t kSmall = 4096;
  std::vector<StoredWeights> out;
  const auto add = [&](NodeId id, std::size_t operand, int rank, int axis, bool rows) {
    const Node& node = graph.node(id);
    const ValueInfo& info = graph.value(node.operands[operand]);
    if (info.constant && info.type.dtype == DType::f32 && info.constant->rank() == rank &&
        info.constant->count() >= kSmall &&
        filter.chooses(node.name.empty() ? graph.describe(id) : node.name))
      out.push_back({id, operand, axis, rows});
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

// --- the step ---

class QuantizeStep : public Step {
 public:
  explicit QuantizeStep(QuantizeOptions options) : options_(std::move(options)) {}

  bool needs_samples() const override {
    return !options_.activations.none || options_.correct_bias ||
           options_.weights.rounding == Rounding::reconstruct;
  }
  Result<Graph> apply(const Graph& graph, const StepContext& context) const override;

 private:
  Result<Quantization> plan(const Graph& graph, const StepContext* context) const;

  QuantizeOptions options_;
};

// Without a context by the weights alone.
Result<Quantization> QuantizeStep::plan(const Graph& graph, const StepContext* context) const {
  std::vector<Layer> layers = find_layers(graph);
  std::erase_if(layers, [&](const Layer& l) { return !options_.filter.chooses(l.name); });
  std::map<ValueId, Observation> seen;
  std::map<std::size_t, Moments> moments;
  if (context != nullptr && context->samples != nullptr && !layers.empty()) {
    ASSIGN(seen, observe(graph, inputs_of(graph, layers), *context->samples, context->control));
    if (options_.weights.rounding == Rounding::reconstruct) {
      ASSIGN(moments, second_moments(graph, layers, *context->samples, context->control));
    }
  }
  Quantization out;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    QuantizePlan p;
    p.layer = layers[i];
    const Tensor& w = *graph.value(p.layer.weights).constant;
    const Rows rows(w.shape(), p.layer.output_axis);
    WeightScheme scheme = options_.weights;
    if (!p.layer.whole_channels) scheme.granularity = Granularity::tensor;
    // Blocks are cut along one axis of the weights: a row of them must have no other.
    if (scheme.granularity == Granularity::block && w.count() != w.shape()[0] * w.shape()[1])
      scheme.granularity = Granularity::channel;
    p.weights = quantize_nearest(w.values<float>(), rows, scheme);
    if (const auto m = moments.find(i); m != moments.end())
      reconstruct(w.values<float>(), rows, scheme, m->second, p.weights);
    const RangeOptions& range = options_.activations.range;
    if (const auto o = seen.find(p.layer.input); o != seen.end()) {
      const std::int32_t least = range.symmetric ? -127 : 0, greatest = range.symmetric ? 127 : 255;
      p.input = linear_for(choose_range(o->second.histogram, o->second.average, range), least,
                           greatest, range.symmetric);
      if (options_.correct_bias) p.bias_correction = bias_correction(graph, p, o->second);
    }
    out.layers.push_back(std::move(p));
  }
  if (options_.tables) out.stored = find_stored(graph, options_.filter);
  return out;
}

Result<Graph> QuantizeStep::apply(const Graph& graph, const StepContext& context) const {
  ASSIGN(Quantization whole, plan(graph, &context));
  std::size_t layers = whole.layers.size(), stored = whole.stored.size();
  const auto body = [&](const Graph& of) {
    // What bodies compute is not observed: with integer activations they stay as they are.
    Result<Quantization> own = options_.activations.none ? plan(of, nullptr) : Quantization{};
    if (!own.ok()) return Quantization{};
    layers += own->layers.size();
    stored += own->stored.size();
    return std::move(own).value();
  };
  ASSIGN(Graph out, rewrite_quantized(graph, std::move(whole), body, options_));
  if (layers + stored == 0)
    return usage_error("there is nothing to quantize: no constant weights are chosen");
  context.note("quantized " + std::to_string(layers) + " layers, and " + std::to_string(stored) +
               " tables and recurrent weights");
  return out;
}

}  // namespace

Result<StepPtr> parse_quantize(Fields& fields) {
  QuantizeOptions o;
  o.filter.read(fields);
  Fields w(fields.node("weights"), "weights of " + fields.what());
  w.read("bits", o.weights.bits, 2, 8);
  if (o.weights.bits != 2 && o.weights.bits != 4 && o.weights.bits != 8)
    w.fail(w.node("bits"), "'bits' of weights must be 2, 4 or 8");
  w.choose("granularity", o.weights.granularity);
  w.read("block", o.weights.block, 16, 256);
  w.choose("range", o.weights.range);
  w.choose("rounding", o.weights.rounding);
  TRY(w.finish());
  YAML::Node activations = fields.node("activations");
  if (activations.IsScalar() && activations.Scalar() == "none") {
    o.activations.none = true;
  } else {
    Fields a(activations, "activations of " + fields.what());
    a.choose("observer", o.activations.range.observer);
    a.read("percentile", o.activations.range.percentile, 50, 100);
    a.read("symmetric", o.activations.range.symmetric);
    TRY(a.finish());
  }
  fields.read("correct_bias", o.correct_bias);
  fields.read("tables", o.tables);
  return StepPtr(std::make_unique<QuantizeStep>(std::move(o)));
}

}  // namespace gossamer::compress
