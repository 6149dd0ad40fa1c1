// The step quantize: layers' weights, and what they read, as integers with scales. What it leaves
// is what ONNX calls QDQ: a quantize and a dequantize behind each other, which every engine may
// take together with the layer between them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "compress/moments.h"
#include "compress/quantize_weights.h"
#include "compress/step.h"
#include "passes/rewriter.h"
#include "primitives/primitives.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct ActivationScheme {
  bool none = false;  // weights only
  RangeOptions range;
};

struct QuantizeOptions {
  LayerFilter filter;
  WeightScheme weights;
  ActivationScheme activations;
  bool correct_bias = true;
};

// What becomes of one layer.
struct Plan {
  Layer layer;
  QuantizedWeights weights;
  Linear input;                        // of its operand 0
  std::vector<float> bias_correction;  // one an output channel; empty: none
};

// Mean over the samples of what the weights' rounding adds to each output channel (Nagel et al.,
// "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, with measured
// means), negated.
std::vector<float> bias_correction(const Graph& graph, const Plan& plan, const Observation& input) {
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
          double{plan.weights.scale(r)} * plan.weights.codes[i] - double{w.values<float>()[i]};
      const double mean =
          input.channel_sums[at(first + k / taps)] / static_cast<double>(input.per_channel);
      sum += error * mean;
    }
    out[at(r)] = static_cast<float>(-sum);
  }
  return out;
}

// --- rewriting ---

class QuantizeRule {
 public:
  QuantizeRule(Rewriter& r, const std::vector<Plan>& plans, const QuantizeOptions& options)
      : r_(r), options_(options) {
    for (const Plan& p : plans) {
      layers_.emplace(p.layer.node, &p);
      if (const auto bias = bias_of(r.old(), p.layer)) {
        biases_of_.emplace(p.layer.node, *bias);
        biases_.emplace(bias->reader, *bias);
      }
    }
  }

  Result<bool> operator()(NodeId id) {
    if (const auto it = layers_.find(id); it != layers_.end()) return rewrite_layer(*it->second);
    if (const auto it = biases_.find(id); it != biases_.end()) return rewrite_bias(id, it->second);
    return false;
  }

 private:
  Result<bool> rewrite_layer(const Plan& plan) {
    const Node& node = r_.node(plan.layer.node);
    std::vector<ValueId> operands = r_.operands(plan.layer.node);
    if (!options_.activations.none) {
      ASSIGN(operands[0], dequantized_input(plan));
    }
    ASSIGN(operands[1], dequantized_weights(plan));
    if (const auto bias = biases_of_.find(plan.layer.node); bias != biases_of_.end()) {
      // Before the layer: it may be written as an input of it.
      ASSIGN(new_biases_[bias->second.reader], corrected_bias(plan, bias->second));
    }
    ASSIGN(const std::vector<ValueId> results,
           r_.b().add(*node.primitive, node.attributes, std::move(operands), 1));
    TRY(r_.replace(node.results[0], results[0]));
    return true;
  }

  // One pair for all layers that read the value.
  Result<ValueId> dequantized_input(const Plan& plan) {
    const auto known = inputs_.find(plan.layer.input);
    if (known != inputs_.end()) return known->second;
    const std::string& name = r_.old().value(plan.layer.input).name;
    Builder& b = r_.b();
    const ValueId scale = b.constant(Tensor::scalar(plan.input.scale), name + "_scale");
    const bool is_signed = options_.activations.range.symmetric;
    const ValueId zero =
        is_signed ? b.constant(Tensor::scalar(static_cast<std::int8_t>(plan.input.zero_point)),
                               name + "_zero_point")
                  : b.constant(Tensor::scalar(static_cast<std::uint8_t>(plan.input.zero_point)),
                               name + "_zero_point");
    ASSIGN(const ValueId q, b.pointwise({r_.at(plan.layer.input), scale, zero},
                                        [](ExpressionBuilder& e, std::span<const Ref> in) {
                                          return e.quantize(in[0], in[1], in[2]);
                                        }));
    ASSIGN(const ValueId x, dequantize(q, scale, zero));
    inputs_.emplace(plan.layer.input, x);
    return x;
  }

  Result<ValueId> dequantize(ValueId q, ValueId scale, ValueId zero) {
    return r_.b().pointwise({q, scale, zero}, [](ExpressionBuilder& e, std::span<const Ref> in) {
      return e.dequantize(in[0], in[1], in[2], DType::f32);
    });
  }

  Result<ValueId> dequantized_weights(const Plan& plan) {
    const ValueInfo& info = r_.old().value(plan.layer.weights);
    const Shape& shape = info.constant->shape();
    const DType dtype = options_.weights.bits == 8   ? DType::i8
                        : options_.weights.bits == 4 ? DType::i4
                                                     : DType::i2;
    ASSIGN(Tensor codes, Tensor::make(dtype, shape));
    std::memcpy(codes.mutable_data(), plan.weights.codes.data(), plan.weights.codes.size());
    std::vector<std::int64_t> extents;
    if (plan.weights.scales.size() > 1)
      for (int d = 0; d < shape.rank(); ++d)
        extents.push_back(d == plan.layer.output_axis ? shape[d] : 1);
    const Shape along(extents);
    ASSIGN(Tensor zeros, Tensor::make(dtype, along));
    Builder& b = r_.b();
    const ValueId q = b.constant(std::move(codes), info.name + "_quantized");
    const ValueId scale =
        b.constant(Tensor::of<float>(along, std::span<const float>(plan.weights.scales)),
                   info.name + "_scale");
    const ValueId zero = b.constant(std::move(zeros), info.name + "_zero_point");
    return dequantize(q, scale, zero);
  }

  // The bias, corrected; as integers of the products' own scale when the layer's inputs are.
  Result<ValueId> corrected_bias(const Plan& plan, const LayerBias& bias) {
    const ValueInfo& info = r_.old().value(bias.constant);
    ASSIGN(Tensor corrected, Tensor::make_uninitialized(DType::f32, info.constant->shape()));
    const auto from = info.constant->values<float>();
    const auto to = corrected.mutable_values<float>();
    for (std::size_t c = 0; c < to.size(); ++c)
      to[c] = from[c] + (plan.bias_correction.empty() ? 0 : plan.bias_correction[c]);
    const bool flat = r_.old().value(plan.layer.result).type.rank() == 2;  // a Gemm, as written
    if (options_.activations.none || (r_.node(plan.layer.node).primitive == &kMatMul && !flat))
      return r_.b().constant(std::move(corrected), info.name);
    return integer_bias(plan, corrected, info.name);
  }

  Result<bool> rewrite_bias(NodeId id, const LayerBias& bias) {
    const Node& node = r_.node(id);
    std::vector<ValueId> operands = r_.operands(id);
    operands[bias.operand] = new_biases_.at(id);
    ASSIGN(const std::vector<ValueId> results,
           r_.b().add(*node.primitive, node.attributes, std::move(operands), 1));
    TRY(r_.replace(node.results[0], results[0]));
    return true;
  }

  Result<ValueId> integer_bias(const Plan& plan, const Tensor& bias, const std::string& name) {
    const std::int64_t n = bias.count();
    std::vector<float> scales(at(n));
    std::vector<std::int32_t> codes(at(n));
    for (std::int64_t c = 0; c < n; ++c) {
      scales[at(c)] = plan.input.scale * plan.weights.scale(c);
      const double q = std::nearbyint(double{bias.values<float>()[at(c)]} / double{scales[at(c)]});
      codes[at(c)] = static_cast<std::int32_t>(std::clamp(q, -2147483647.0, 2147483647.0));
    }
    Builder& b = r_.b();
    const ValueId scale = b.constant(Tensor::vector(scales), name + "_scale");
    const ValueId zero =
        b.constant(Tensor::vector(std::vector<std::int32_t>(at(n), 0)), name + "_zero_point");
    const ValueId q = b.constant(Tensor::vector(codes), name + "_quantized");
    ASSIGN(const ValueId vector, dequantize(q, scale, zero));
    const Shape& shape = bias.shape();
    if (shape.rank() == 1) return vector;
    std::vector<std::int64_t> extents(shape.dims().begin(), shape.dims().end());
    return b.reshape_to(vector, extents);
  }

  Rewriter& r_;
  const QuantizeOptions& options_;
  std::map<NodeId, const Plan*> layers_;
  std::map<NodeId, LayerBias> biases_of_;  // by layer
  std::map<NodeId, LayerBias> biases_;     // by the node that adds it
  std::map<NodeId, ValueId> new_biases_;   // by the node that adds it
  std::map<ValueId, ValueId> inputs_;      // of the old graph: what stands for it, dequantized
};

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
  Result<std::vector<Plan>> plan(const Graph& graph, const StepContext& context) const;

  QuantizeOptions options_;
};

Result<std::vector<Plan>> QuantizeStep::plan(const Graph& graph, const StepContext& context) const {
  std::vector<Layer> layers = find_layers(graph);
  std::erase_if(layers, [&](const Layer& l) { return !options_.filter.chooses(l.name); });
  if (layers.empty())
    return usage_error(
        "there is nothing to quantize: no Conv or MatMul with constant weights is "
        "chosen");
  std::map<ValueId, Observation> seen;
  std::map<std::size_t, Moments> moments;
  if (context.samples != nullptr) {
    std::set<ValueId> inputs;
    for (const Layer& l : layers) inputs.insert(l.input);
    const std::vector<ValueId> values(inputs.begin(), inputs.end());
    ASSIGN(seen, observe(graph, values, *context.samples, context.control));
    if (options_.weights.rounding == Rounding::reconstruct) {
      ASSIGN(moments, second_moments(graph, layers, *context.samples, context.control));
    }
  }
  std::vector<Plan> plans;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Plan p;
    p.layer = layers[i];
    const Tensor& w = *graph.value(p.layer.weights).constant;
    const Rows rows(w.shape(), p.layer.output_axis);
    WeightScheme scheme = options_.weights;
    if (!p.layer.whole_channels) scheme.granularity = Granularity::tensor;
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
    plans.push_back(std::move(p));
  }
  return plans;
}

Result<Graph> QuantizeStep::apply(const Graph& graph, const StepContext& context) const {
  ASSIGN(const std::vector<Plan> plans, plan(graph, context));
  context.note("quantized " + std::to_string(plans.size()) + " layers");
  const std::vector<Plan> none;  // of bodies of branches and loops
  return rewrite(graph, [&](Rewriter& r) -> NodeRule {
    return QuantizeRule(r, &r.old() == &graph ? plans : none, options_);
  });
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
  return StepPtr(std::make_unique<QuantizeStep>(std::move(o)));
}

}  // namespace gossamer::compress
