// Puts quantized weights, inputs and biases into a graph. What it leaves is what ONNX calls QDQ: a
// quantize and a dequantize behind each other, which every engine may take together with the layer
// between them.
#include "compress/quantize_rewrite.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <tuple>

#include "passes/rewriter.h"
#include "primitives/primitives.h"
#include "reference/copy.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

class QuantizeRule {
 public:
  QuantizeRule(Rewriter& r, std::shared_ptr<const Quantization> plan)
      : r_(r), plan_(std::move(plan)) {
    for (const QuantizePlan& p : plan_->layers) {
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
    return rewrite_stored(id);
  }

 private:
  Result<bool> rewrite_layer(const QuantizePlan& plan) {
    const Node& node = r_.node(plan.layer.node);
    std::vector<ValueId> operands = r_.operands(plan.layer.node);
    if (!plan.scheme.activations.none) {
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

  // One pair for all layers that read the value with the same scale.
  Result<ValueId> dequantized_input(const QuantizePlan& plan) {
    const bool is_signed = plan.scheme.activations.range.symmetric;
    const InputKey key{plan.layer.input, plan.input.scale, plan.input.zero_point, is_signed};
    const auto known = inputs_.find(key);
    if (known != inputs_.end()) return known->second;
    const std::string& name = r_.old().value(plan.layer.input).name;
    Builder& b = r_.b();
    const ValueId scale = b.constant(Tensor::scalar(plan.input.scale), name + "_scale");
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
    inputs_.emplace(key, x);
    return x;
  }

  Result<ValueId> dequantize(ValueId q, ValueId scale, ValueId zero) {
    return r_.b().pointwise({q, scale, zero}, [](ExpressionBuilder& e, std::span<const Ref> in) {
      return e.dequantize(in[0], in[1], in[2], DType::f32);
    });
  }

  Result<ValueId> dequantized_weights(const QuantizePlan& plan) {
    const ValueInfo& info = r_.old().value(plan.layer.weights);
    const Shape& shape = info.constant->shape();
    const DType dtype = plan.scheme.weights.bits == 8   ? DType::i8
                        : plan.scheme.weights.bits == 4 ? DType::i4
                                                        : DType::i2;
    ASSIGN(Tensor codes, Tensor::make(dtype, shape));
    std::memcpy(codes.mutable_data(), plan.weights.codes.data(), plan.weights.codes.size());
    const Shape along = extents_of_scales(plan, shape);
    ASSIGN(Tensor zeros, Tensor::make(dtype, along));
    Builder& b = r_.b();
    const ValueId q = b.constant(std::move(codes), info.name + "_quantized");
    ValueId scale = b.constant(Tensor::of<float>(along, std::span<const float>(in_order(plan))),
                               info.name + "_scale");
    ValueId zero = b.constant(std::move(zeros), info.name + "_zero_point");
    if (plan.weights.block > 0) {
      ASSIGN(scale, spread(scale, plan, shape));
      ASSIGN(zero, spread(zero, plan, shape));
    }
    return dequantize(q, scale, zero);
  }

  // Which axis of the weights blocks are cut along.
  static int block_axis(const QuantizePlan& plan) { return plan.layer.output_axis == 0 ? 1 : 0; }

  static Shape extents_of_scales(const QuantizePlan& plan, const Shape& weights) {
    std::vector<std::int64_t> extents;
    if (plan.weights.scales.size() > 1)
      for (int d = 0; d < weights.rank(); ++d)
        extents.push_back(d == plan.layer.output_axis ? weights[d] : 1);
    if (plan.weights.block > 0) extents[at(block_axis(plan))] = plan.weights.blocks;
    return Shape(extents);
  }

  // The scales as a tensor holds them: blocks of a row lie behind each other or, where output
  // channels are the last axis, below each other.
  static std::vector<float> in_order(const QuantizePlan& plan) {
    const QuantizedWeights& w = plan.weights;
    if (w.block == 0 || plan.layer.output_axis == 0) return w.scales;
    const auto rows = static_cast<std::int64_t>(w.scales.size()) / w.blocks;
    std::vector<float> out;
    for (std::int64_t b = 0; b < w.blocks; ++b)
      for (std::int64_t r = 0; r < rows; ++r) out.push_back(w.scales[at(r * w.blocks + b)]);
    return out;
  }

  // One scale a weight of one a block.
  Result<ValueId> spread(ValueId v, const QuantizePlan& plan, const Shape& weights) {
    RepeatStep repeat;
    repeat.axis = block_axis(plan);
    repeat.times = plan.weights.block;
    repeat.each = true;
    StepList steps{repeat};
    if (plan.weights.blocks * plan.weights.block != weights[repeat.axis]) {
      SliceStep slice;
      slice.axis = repeat.axis;
      slice.start = 0;
      slice.end = weights[repeat.axis];
      steps.emplace_back(slice);
    }
    return r_.b().copy(v, std::move(steps), {});
  }

  // The bias, corrected; as integers of the products' own scale when the layer's inputs are.
  Result<ValueId> corrected_bias(const QuantizePlan& plan, const LayerBias& bias) {
    const ValueInfo& info = r_.old().value(bias.constant);
    ASSIGN(Tensor corrected, Tensor::make_uninitialized(DType::f32, info.constant->shape()));
    const auto from = info.constant->values<float>();
    const auto to = corrected.mutable_values<float>();
    for (std::size_t c = 0; c < to.size(); ++c)
      to[c] = from[c] + (plan.bias_correction.empty() ? 0 : plan.bias_correction[c]);
    const bool flat = r_.old().value(plan.layer.result).type.rank() == 2;  // a Gemm, as written
    if (plan.scheme.activations.none || plan.weights.block > 0 ||
        (r_.node(plan.layer.node).primitive == &kMatMul && !flat))
      return r_.b().constant(std::move(corrected), info.name);
    return integer_bias(plan, corrected, info.name);
  }

  Result<bool> rewrite_stored(NodeId id) {
    const Node& node = r_.node(id);
    std::vector<ValueId> operands = r_.operands(id), scales;
    for (const StoredWeights& stored : plan_->stored) {
      if (stored.node != id) continue;
      const ValueInfo& info = r_.old().value(node.operands[stored.operand]);
      const Tensor& w = *info.constant;
      WeightScheme scheme = stored.scheme;
      scheme.bits = 8;
      scheme.granularity = Granularity::channel;
      const QuantizedWeights q =
          quantize_nearest(w.values<float>(), Rows(w.shape(), stored.axis), scheme);
      ASSIGN(Tensor codes, Tensor::make(DType::i8, w.shape()));
      std::memcpy(codes.mutable_data(), q.codes.data(), q.codes.size());
      const ValueId bytes = r_.b().constant(std::move(codes), info.name + "_quantized");
      scales = scales_along(q, w.rank(), stored, info.name);
      operands[stored.operand] = bytes;
      if (stored.rows) return rewrite_picked(id, std::move(operands), scales);
      ASSIGN(operands[stored.operand], dequantize(bytes, scales[0], scales[1]));
    }
    if (scales.empty()) return false;
    ASSIGN(const std::vector<ValueId> results,
           r_.b().add(*node.primitive, node.attributes, std::move(operands),
                      static_cast<int>(node.results.size())));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (node.results[i] != kNoValue) TRY(r_.replace(node.results[i], results[i]));
    return true;
  }

  // Scale and zero point of stored weights; those of a table broadcast over the rows picked.
  std::vector<ValueId> scales_along(const QuantizedWeights& q, int rank,
                                    const StoredWeights& stored, const std::string& name) {
    std::vector<std::int64_t> extents(stored.rows ? 1 : at(rank), 1);
    extents[stored.rows ? 0 : at(stored.axis)] = static_cast<std::int64_t>(q.scales.size());
    const Shape shape(extents);
    const std::vector<std::int8_t> zeros(q.scales.size(), 0);
    Builder& b = r_.b();
    return {b.constant(Tensor::of<float>(shape, std::span<const float>(q.scales)), name + "_scale"),
            b.constant(Tensor::of<std::int8_t>(shape, std::span<const std::int8_t>(zeros)),
                       name + "_zero_point")};
  }

  // Rows are picked as bytes and dequantized behind.
  Result<bool> rewrite_picked(NodeId id, std::vector<ValueId> operands,
                              const std::vector<ValueId>& scales) {
    const Node& node = r_.node(id);
    ASSIGN(const std::vector<ValueId> rows,
           r_.b().add(*node.primitive, node.attributes, std::move(operands), 1));
    ASSIGN(const ValueId result, dequantize(rows[0], scales[0], scales[1]));
    TRY(r_.replace(node.results[0], result));
    return true;
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

  Result<ValueId> integer_bias(const QuantizePlan& plan, const Tensor& bias,
                               const std::string& name) {
    const std::int64_t n = bias.count();
    std::vector<float> scales(at(n));
    std::vector<std::int32_t> codes(at(n));
    for (std::int64_t c = 0; c < n; ++c) {
      scales[at(c)] = plan.input.scale * plan.weights.scale(c, 0);
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

  using InputKey = std::tuple<ValueId, float, std::int32_t, bool>;

  Rewriter& r_;
  std::shared_ptr<const Quantization> plan_;
  std::map<NodeId, const QuantizePlan*> layers_;
  std::map<NodeId, LayerBias> biases_of_;  // by layer
  std::map<NodeId, LayerBias> biases_;     // by the node that adds it
  std::map<NodeId, ValueId> new_biases_;   // by the node that adds it
  std::map<InputKey, ValueId> inputs_;     // what stands for it, dequantized
};

}  // namespace

Result<Graph> rewrite_quantized(const Graph& graph, Quantization plan,
                                const std::function<Quantization(const Graph& body)>& body) {
  const auto whole = std::make_shared<const Quantization>(std::move(plan));
  return rewritten(graph, [&](Rewriter& r) -> NodeRule {
    const bool is_whole = &r.old() == &graph;
    auto own = is_whole ? whole : std::make_shared<const Quantization>(body(r.old()));
    return QuantizeRule(r, std::move(own));
  });
}

}  // namespace gossamer::compress
