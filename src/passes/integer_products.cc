// Computes on integers what a model says of dequantized integers: products of constant weights with
// one scale a tensor and one or one an output channel of the weights become exact sums of 8-bit
// products, times both scales (with one channel a group, the data may have a scale a channel, too);
// maxima and movement come before the scale; and integers that are
// dequantized and quantized again in the same way are taken as they are.
#include <algorithm>
#include <bit>
#include <cmath>

#include "passes/passes.h"
#include "passes/pointwise_node.h"
#include "passes/rewriter.h"
#include "reference/conv.h"
#include "reference/matmul.h"
#include "reference/pool.h"

namespace gossamer {
namespace {

constexpr std::int64_t kMaxDepth = 1 << 15;  // products of a sum: it fits 32 bits

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool is_byte(DType dtype) { return dtype == DType::u8 || dtype == DType::i8; }

// What a Pointwise of one dequantize instruction reads.
struct Dequantized {
  ValueId values = kNoValue;
  Tensor scale, zero;  // f32; of the dtype of the values
};

std::optional<Tensor> constant_at(const Graph& graph, const Node& node, Ref ref) {
  const PointwiseProgram& p = attributes_of<PointwiseAttributes>(node).program;
  if (ref.kind == Ref::Kind::input) {
    const std::optional<Tensor>& t = graph.value(node.operands[at(ref.index)]).constant;
    return t && !t->packed() ? t : std::nullopt;
  }
  if (ref.kind != Ref::Kind::constant) return std::nullopt;
  const Scalar& s = p.constants[at(ref.index)];
  if (s.dtype == DType::f32)
    return Tensor::scalar(std::bit_cast<float>(static_cast<std::uint32_t>(s.bits)));
  if (s.dtype == DType::u8) return Tensor::scalar(static_cast<std::uint8_t>(s.bits));
  if (s.dtype == DType::i8) return Tensor::scalar(static_cast<std::int8_t>(s.bits));
  return std::nullopt;
}

std::optional<Dequantized> dequantized(const Rewriter& r, ValueId v) {
  const Node* node = r.producer(v, kPointwise);
  if (!node || node->results.size() != 1) return std::nullopt;
  const auto& a = attributes_of<PointwiseAttributes>(*node);
  const auto& all = a.program.instructions;
  if (a.has_extent || all.size() != 1 || all[0].op != PointwiseOp::dequantize ||
      all[0].dtype != DType::f32 || all[0].args[0].kind != Ref::Kind::input)
    return std::nullopt;
  Dequantized d;
  d.values = node->operands[at(all[0].args[0].index)];
  const Type& type = r.graph().value(d.values).type;
  if (!is_byte(type.dtype) || !type.ranked() || type.shape != r.graph().value(v).type.shape)
    return std::nullopt;
  std::optional<Tensor> scale = constant_at(r.graph(), *node, all[0].args[1]);
  std::optional<Tensor> zero = constant_at(r.graph(), *node, all[0].args[2]);
  if (!scale || !zero || scale->dtype() != DType::f32) return std::nullopt;
  d.scale = std::move(*scale);
  d.zero = std::move(*zero);
  return d;
}

bool per_tensor(const Dequantized& d) { return d.scale.count() == 1 && d.zero.count() == 1; }

// Whether a constant differs along `axis` of `rank` only, with `extent` elements there.
bool along(const Tensor& t, int axis, int rank, std::int64_t extent) {
  if (t.count() == 1) return true;
  if (t.count() != extent) return false;
  const int d = axis - (rank - t.rank());
  return d >= 0 && d < t.rank() && t.shape()[d] == extent;
}

bool all_zero(const Tensor& t) {
  const auto* bytes = static_cast<const char*>(t.data());
  return std::all_of(bytes, bytes + t.byte_size(), [](char c) { return c == 0; });
}

bool same_elements(const Tensor& t) {
  const auto* bytes = static_cast<const char*>(t.data());
  return t.count() > 0 &&
         std::all_of(bytes, bytes + t.byte_size(), [&](char c) { return c == bytes[0]; });
}

// The first element alone.
Tensor first_of(const Tensor& t) {
  return t.dtype() == DType::i8 ? Tensor::scalar(t.values<std::int8_t>()[0])
                                : Tensor::scalar(t.values<std::uint8_t>()[0]);
}

// A product as sums and their scale.
struct Product {
  const Primitive* primitive = nullptr;
  Dequantized x, w;
  int weight_axis = 0;        // of output channels
  std::int64_t channels = 0;  // of the result
  Shape scale_shape;          // with which it meets the result
};

std::optional<Product> product(Rewriter& r, const Node& node) {
  if (node.operands.size() != 2) return std::nullopt;
  const ValueId xv = r.at(node.operands[0]), wv = r.at(node.operands[1]);
  std::optional<Dequantized> x = dequantized(r, xv), w = dequantized(r, wv);
  if (!x || !w) return std::nullopt;
  const std::optional<Tensor>& weights = r.graph().value(w->values).constant;
  if (!weights || weights->packed()) return std::nullopt;
  Product p;
  p.primitive = node.primitive;
  const Shape& s = weights->shape();
  const Type& y = r.old().value(node.results[0]).type;
  if (!y.ranked() || y.dtype != DType::f32) return std::nullopt;
  std::int64_t depth = 0;
  if (node.primitive == &kConv) {
    if (s.rank() < 3) return std::nullopt;
    p.weight_axis = 0;
    p.scale_shape = Shape{s[0]};
    for (int i = 2; i < s.rank(); ++i) p.scale_shape.dims().push_back(1);
    depth = s.count(1, s.rank());
    const bool depthwise = s[1] == 1 && attributes_of<ConvAttributes>(node).group == s[0] &&
                           same_elements(x->zero) && along(x->scale, 1, s.rank(), s[0]);
    if (!per_tensor(*x) && !depthwise) return std::nullopt;
  } else {
    const auto& a = attributes_of<MatMulAttributes>(node);
    if (s.rank() != 2 || !per_tensor(*x) || a.trans_a || r.graph().value(xv).type.rank() < 2)
      return std::nullopt;
    p.weight_axis = a.trans_b ? 0 : 1;
    p.scale_shape = Shape{s[p.weight_axis]};
    depth = s[1 - p.weight_axis];
  }
  p.channels = s[p.weight_axis];
  if (depth > kMaxDepth || !along(w->scale, p.weight_axis, s.rank(), p.channels) ||
      !along(w->zero, p.weight_axis, s.rank(), p.channels))
    return std::nullopt;
  p.x = std::move(*x);
  p.w = std::move(*w);
  return p;
}

Result<ValueId> sums(Rewriter& r, const Node& node, const Product& p) {
  Builder& b = r.b();
  std::vector<ValueId> operands = {p.x.values, p.w.values, kNoValue, kNoValue};
  if (!all_zero(p.x.zero)) operands[2] = b.constant(first_of(p.x.zero));
  if (!all_zero(p.w.zero)) {
    Tensor zero = p.w.zero.count() == 1 ? p.w.zero.reshaped(Shape{}) : p.w.zero;
    if (p.primitive == &kConv && zero.count() > 1) zero = zero.reshaped(Shape{p.channels});
    operands[3] = b.constant(std::move(zero));
  }
  while (operands.back() == kNoValue) operands.pop_back();
  ASSIGN(const std::vector<ValueId> y, b.add(*p.primitive, node.attributes, std::move(operands)));
  return y[0];
}

Result<bool> on_integers(Rewriter& r, const Node& node) {
  const std::optional<Product> p = product(r, node);
  if (!p) return false;
  ASSIGN(const ValueId sum, sums(r, node, *p));
  const auto w = p->w.scale.values<float>(), x = p->x.scale.values<float>();
  const bool one = w.size() == 1 && x.size() == 1;
  ASSIGN(Tensor scale, Tensor::make(DType::f32, one ? Shape{} : p->scale_shape));
  const auto to = scale.mutable_values<float>();
  for (std::size_t c = 0; c < to.size(); ++c)
    to[c] = x[x.size() == 1 ? 0 : c] * w[w.size() == 1 ? 0 : c];
  const ValueId by = r.b().constant(std::move(scale));
  ASSIGN(const ValueId y,
         r.b().pointwise({sum, by}, [](ExpressionBuilder& e, std::span<const Ref> in) {
           return e.mul(e.cast(in[0], DType::f32), in[1]);
         }));
  TRY(r.replace(node.results[0], y));
  return true;
}

// Whether the node gives each of its elements as one of x's, chosen alike for integers and what
// they stand for.
bool picks(const Node& node) {
  if (node.results.size() != 1) return false;
  if (node.primitive == &kCopy) {
    const StepList& steps = attributes_of<CopyAttributes>(node).steps;
    return std::none_of(steps.begin(), steps.end(),
                        [](const Step& s) { return std::holds_alternative<PadStep>(s); });
  }
  if (node.primitive != &kPool) return false;
  const auto& a = attributes_of<PoolAttributes>(node);
  // No window holds padding only.
  bool full = a.op == PoolOp::max && a.auto_pad == AutoPad::none && !a.ceil;
  for (std::size_t i = 0; i < a.pads.size(); ++i)
    full = full && a.pads[i] < a.kernel[i % a.kernel.size()];
  return full;
}

Result<bool> before_scale(Rewriter& r, const Node& node) {
  const std::optional<Dequantized> x = dequantized(r, r.at(node.operands[0]));
  // Weights stay with their scale.
  if (!x || !per_tensor(*x) || r.graph().value(x->values).constant) return false;
  const float scale = x->scale.values<float>()[0];
  if (!(scale > 0) || std::isinf(scale)) return false;
  std::vector<ValueId> operands;
  operands.reserve(node.operands.size());
  for (const ValueId v : node.operands) operands.push_back(r.at(v));
  operands[0] = x->values;
  ASSIGN(const std::vector<ValueId> y, r.b().add(*node.primitive, node.attributes, operands));
  const ValueId s = r.b().constant(x->scale.reshaped(Shape{}));
  const ValueId z = r.b().constant(x->zero.reshaped(Shape{}));
  ASSIGN(const ValueId scaled,
         r.b().pointwise({y[0], s, z}, [](ExpressionBuilder& e, std::span<const Ref> in) {
           return e.dequantize(in[0], in[1], in[2], DType::f32);
         }));
  TRY(r.replace(node.results[0], scaled));
  return true;
}

// quantize(dequantize(q)) with one scale and zero point is q.
Result<bool> there_and_back(Rewriter& r, const Node& node) {
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const auto& all = a.program.instructions;
  if (a.has_extent || node.results.size() != 1 || all.size() != 1 ||
      all[0].op != PointwiseOp::quantize || all[0].precision != DType::f32 ||
      all[0].args[0].kind != Ref::Kind::input)
    return false;
  Node now = node;
  for (ValueId& v : now.operands) v = r.at(v);
  const std::optional<Tensor> scale = constant_at(r.graph(), now, all[0].args[1]);
  const std::optional<Tensor> zero = constant_at(r.graph(), now, all[0].args[2]);
  const std::optional<Dequantized> x = dequantized(r, now.operands[at(all[0].args[0].index)]);
  if (!x || !per_tensor(*x) || !scale || !zero || scale->count() != 1 || zero->count() != 1)
    return false;
  const float s = x->scale.values<float>()[0];
  const bool same = scale->dtype() == DType::f32 && scale->values<float>()[0] == s &&
                    zero->reshaped(Shape{}).same_bits(x->zero.reshaped(Shape{}));
  if (!same || !(s > 1e-30F) || !(s < 1e30F) || !r.can_alias(node.results[0], x->values))
    return false;
  TRY(r.replace(node.results[0], x->values));
  return true;
}

Result<bool> rule(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive == &kConv || node.primitive == &kMatMul) return on_integers(r, node);
  if (node.primitive == &kPointwise) return there_and_back(r, node);
  if (picks(node)) return before_scale(r, node);
  return false;
}

}  // namespace

Result<Rewritten> integer_products(const Graph& graph) { return rewrite(graph, rule); }

}  // namespace gossamer
