// MatMul, Conv and ConvTranspose, with the Pointwise that follows as their epilogue.
#include <algorithm>
#include <cstring>

#include "compile/emit.h"
#include "compile/fusion.h"
#include "compile/integer_fusion.h"
#include "kernels/conv/conv.h"
#include "kernels/conv_transpose/conv_transpose.h"
#include "kernels/gemm/bf16.h"
#include "kernels/matmul/matmul.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/matmul.h"
#include "reference/window.h"

namespace gossamer::compile {
namespace {

// A product and, when it has one, its epilogue: what their common step reads and makes.
struct Product {
  NodeId id;    // the product
  NodeId last;  // the Pointwise, or the product itself
  std::optional<Epilogue> epilogue;
  ValueId y;  // the result of `last`
};

Product product_at(Emitter& e, NodeId id, int channel_axis) {
  Product p{id, e.epilogue_of(id), std::nullopt, kNoValue};
  if (p.last == kNoNode)
    p.last = id;
  else
    p.epilogue = epilogue_for(e.graph(), id, p.last, channel_axis);
  p.y = e.node(p.last).results[0];
  return p;
}

bool is_f32(Emitter& e, ValueId v) {
  return e.fits_kernels(v) && e.graph().value(v).type.dtype == DType::f32;
}

// Whether a product is better had in bf16: it must make up for rounding each element of x, which
// takes part in `uses` multiplications.
bool in_bf16(Emitter& e, double uses) {
  constexpr double kLeastUses = 64;
  return e.options().fast && uses >= kLeastUses && kernels::bf16_pays();
}

// The step's operands after the first two, and its result, in the memory of an operand where nobody
// else needs that.
template <class S>
bool finish_product(Emitter& e, const Product& p, S& step, std::vector<Place>& inputs,
                    const std::vector<int>& order, Place& result) {
  const DimVector& extents = e.extents(p.y);
  std::optional<Place> taken;
  if (p.epilogue) {
    step.low = p.epilogue->low;
    step.high = p.epilogue->high;
    step.epilogue = p.epilogue->program;
    if (p.epilogue->bias != kNoValue) {
      step.bias = true;
      const std::optional<Place> bias =
          view_as(e.place(p.epilogue->bias), {Dim(e.constant_of(p.epilogue->bias)->count())});
      if (!bias) return false;
      inputs.push_back(*bias);
    }
    const NodeId readers[] = {p.id, p.last};
    const DimVector strides = strides_in_order(extents, order);
    for (const ValueId v : p.epilogue->operands) {
      if (!e.fits_kernels(v)) return false;
      const Place& own = e.place(v);
      const std::optional<Place> place = Emitter::broadcast(own, extents);
      if (!place) return false;
      if (!taken && own.dtype == DType::f32 && own.extents == extents && own.strides == strides &&
          e.may_take_over(own, readers))
        taken = own;
      inputs.push_back(*place);
    }
  }
  result = taken && !e.has_memory_elsewhere(p.y) ? e.alias(p.y, *taken) : e.make(p.y, order);
  return true;
}

Place packed(Emitter& e, std::size_t bytes, const std::function<void(float*)>& pack) {
  Result<Tensor> t =
      Tensor::make(DType::f32, Shape{static_cast<std::int64_t>(bytes / sizeof(float))});
  if (!t.ok()) return {};
  pack(t->mutable_values<float>().data());
  return e.constant(std::move(*t));
}

// --- MatMul ---

// The last two axes exchanged.
Place transposed(Place p) {
  const std::size_t r = p.extents.size();
  if (r >= 2) {
    std::swap(p.extents[r - 1], p.extents[r - 2]);
    std::swap(p.strides[r - 1], p.strides[r - 2]);
  }
  return p;
}

void insert_axis(Place& p, std::size_t where) {
  p.extents.insert(p.extents.begin() + static_cast<std::ptrdiff_t>(where), Dim(1));
  p.strides.insert(p.strides.begin() + static_cast<std::ptrdiff_t>(where), Dim(0));
}

// Batch axes of `p` repeated to those of y.
bool spread_batch(Place& p, const DimVector& y) {
  while (p.extents.size() < y.size()) insert_axis(p, 0);
  for (std::size_t i = 0; i + 2 < y.size(); ++i) {
    if (p.extents[i] == y[i]) continue;
    if (!(p.extents[i] == Dim(1))) return false;
    p.extents[i] = y[i];
    p.strides[i] = Dim(0);
  }
  return true;
}

// `narrows`: whether a may be had in bf16.
std::optional<Place> packed_b(Emitter& e, ValueId v, bool trans, bool narrows,
                              kernels::MatMulStep& step) {
  const Tensor* t = e.constant_of(v);
  if (!t || t->packed() || t->rank() < 2 || t->shape().count(0, t->rank() - 2) != 1)
    return std::nullopt;
  const std::int64_t rows = t->shape()[t->rank() - 2], columns = t->shape()[t->rank() - 1];
  step.packed = true;
  step.k = trans ? columns : rows;
  step.n = trans ? rows : columns;
  step.bf16 = step.k % 2 == 0 && step.k > 0 && narrows && in_bf16(e, static_cast<double>(step.n));
  const std::int64_t depth = step.bf16 ? step.k / 2 : step.k;
  return packed(e, kernels::packed_matmul_size(depth, step.n), [&](float* to) {
    const auto pack = step.bf16 ? kernels::pack_matmul_bf16 : kernels::pack_matmul;
    pack(t->values<float>().data(), step.k, step.n, trans ? 1 : columns, trans ? columns : 1, to);
  });
}

Result<bool> matmul(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<MatMulAttributes>(node);
  if (node.operands.size() > 2) return false;
  const ValueId av = node.operands[0], bv = node.operands[1];
  if (!is_f32(e, av) || !is_f32(e, bv) || !is_f32(e, node.results[0])) return false;
  const int a_rank = static_cast<int>(e.extents(av).size()),
            b_rank = static_cast<int>(e.extents(bv).size());
  if (a_rank == 0 || b_rank == 0) return false;
  const Product p = product_at(e, id, static_cast<int>(e.extents(node.results[0]).size()) - 1);
  if ((a_rank == 1 || b_rank == 1) && p.epilogue) return false;
  kernels::MatMulStep step;
  const bool narrows = !a.trans_a && a_rank >= 2;
  const std::optional<Place> b = packed_b(e, bv, a.trans_b, narrows, step);
  Place left = step.bf16 ? e.narrowed(av, row_major(a_rank), id) : e.place(av);
  if (a.trans_a) left = transposed(left);
  if (a_rank == 1) insert_axis(left, 0);
  DimVector y = e.extents(p.y);
  if (b_rank == 1) y.emplace_back(1);
  if (a_rank == 1) y.insert(y.end() - 1, Dim(1));
  if (static_cast<int>(y.size()) > kernels::kMaxAxes || !spread_batch(left, y)) return false;
  std::vector<Place> inputs = {left};
  if (b) {
    inputs.push_back(*b);
  } else {
    Place right = e.place(bv);
    if (b_rank == 1)
      insert_axis(right, 1);
    else if (a.trans_b)
      right = transposed(right);
    if (!spread_batch(right, y)) return false;
    inputs.push_back(right);
  }
  Place result;
  if (!finish_product(e, p, step, inputs, row_major(static_cast<int>(e.extents(p.y).size())),
                      result))
    return false;
  if (a_rank == 1 || b_rank == 1) {
    const std::optional<Place> view = view_as(result, y);
    if (!view) return false;
    result = *view;
  }
  e.step("kernel.matmul", std::move(step), inputs, {result}, id);
  return true;
}

// --- Conv ---

std::vector<std::int64_t> or_ones(const std::vector<std::int64_t>& v, std::size_t n) {
  return v.empty() ? std::vector<std::int64_t>(n, 1) : v;
}

bool constant_weights(Emitter& e, const Node& node) {
  const Tensor* w = e.constant_of(node.operands[1]);
  return node.operands.size() == 2 && w && !w->packed() && w->dtype() == DType::f32 &&
         w->rank() >= 3 && w->rank() <= 5 && is_f32(e, node.operands[0]) &&
         is_f32(e, node.results[0]);
}

template <class S, class Pack>
Result<bool> convolution(Emitter& e, NodeId id, S step, std::size_t bytes, Pack pack) {
  const Node& node = e.node(id);
  const Product p = product_at(e, id, 1);
  const Tensor* w = e.constant_of(node.operands[1]);
  std::vector<Place> inputs = {e.place(node.operands[0])};
  if constexpr (std::is_same_v<S, kernels::ConvStep>)
    if (step.bf16) inputs[0] = e.narrowed(node.operands[0], channels_last(inputs[0].rank()), id);
  inputs.push_back(packed(e, bytes, [&](float* to) { pack(step, w->values<float>().data(), to); }));
  Place result;
  const int rank = static_cast<int>(e.extents(p.y).size());
  if (!finish_product(e, p, step, inputs, channels_last(rank), result)) return false;
  e.step(std::is_same_v<S, kernels::ConvStep> ? "kernel.conv" : "kernel.conv_transpose",
         std::move(step), inputs, {result}, id);
  return true;
}

// Whether a convolution is had in bf16. Kernels of three by three over large images are not: they
// multiply less in f32, by Winograd's method.
bool narrows(Emitter& e, const kernels::ConvStep& s, const DimVector& x) {
  constexpr std::int64_t kLeastDepth = 16, kLargeImage = 20;
  const std::int64_t depth = s.channels / s.group, filters = s.filters / s.group;
  if (depth < kLeastDepth || depth % 2 != 0) return false;
  auto uses = static_cast<double>(filters);
  bool winograd = s.kernel.size() == 2 && s.group == 1;
  for (std::size_t i = 0; i < s.kernel.size(); ++i) {
    uses *= static_cast<double>(s.kernel[i]) / static_cast<double>(s.strides[i]);
    const std::optional<std::int64_t> extent = x[i + 2].constant();
    winograd = winograd && s.kernel[i] == 3 && s.strides[i] == 1 && s.dilations[i] == 1 &&
               (!extent || *extent >= kLargeImage);
  }
  return !winograd && in_bf16(e, uses);
}

Result<bool> conv(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ConvAttributes>(node);
  if (!constant_weights(e, node)) return false;
  const Shape& w = e.constant_of(node.operands[1])->shape();
  kernels::ConvStep step;
  step.kernel.assign(w.begin() + 2, w.end());
  step.strides = or_ones(a.strides, step.kernel.size());
  step.dilations = or_ones(a.dilations, step.kernel.size());
  const std::optional<std::vector<std::int64_t>> pads =
      pads_before(a, e.extents(node.operands[0]), step.kernel);
  if (!pads) return false;
  step.pads_begin = *pads;
  step.group = a.group;
  step.channels = w[1] * a.group;
  step.filters = w[0];
  step.bf16 = narrows(e, step, e.extents(node.operands[0]));
  return convolution(e, id, step, kernels::packed_conv_size(step), kernels::pack_conv);
}

Result<bool> conv_transpose(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ConvTransposeAttributes>(node);
  if (!constant_weights(e, node) || a.auto_pad != AutoPad::none || !a.extents.empty()) return false;
  const Shape& w = e.constant_of(node.operands[1])->shape();
  kernels::ConvTransposeStep step;
  step.kernel.assign(w.begin() + 2, w.end());
  step.strides = or_ones(a.strides, step.kernel.size());
  step.dilations = or_ones(a.dilations, step.kernel.size());
  step.pads_begin.assign(step.kernel.size(), 0);
  if (!a.pads.empty()) std::copy_n(a.pads.begin(), step.kernel.size(), step.pads_begin.begin());
  step.group = a.group;
  step.channels = w[0];
  step.filters = w[1] * a.group;
  return convolution(e, id, step, kernels::packed_conv_transpose_size(step),
                     kernels::pack_conv_transpose);
}

}  // namespace

std::optional<std::vector<std::int64_t>> pads_before(const ConvAttributes& a, const DimVector& x,
                                                     const std::vector<std::int64_t>& kernel) {
  const std::size_t n = kernel.size();
  if (a.auto_pad == AutoPad::none) {
    std::vector<std::int64_t> pads(n, 0);
    if (!a.pads.empty()) std::copy_n(a.pads.begin(), n, pads.begin());
    return pads;
  }
  std::vector<std::int64_t> input;
  for (std::size_t i = 0; i < n; ++i) {
    if (!x[i + 2].is_constant()) return std::nullopt;
    input.push_back(*x[i + 2].constant());
  }
  const Result<std::vector<WindowAxis>> axes = resolve_windows(a.windows(), input, kernel);
  if (!axes.ok()) return std::nullopt;
  std::vector<std::int64_t> pads;
  for (const WindowAxis& axis : *axes) pads.push_back(axis.before);
  return pads;
}

Result<bool> emit_product(Emitter& e, NodeId id) {
  const Primitive* p = e.node(id).primitive;
  if (is_integer_product(e.graph(), id)) return emit_integer_product(e, id);
  return p == &kMatMul ? matmul(e, id) : p == &kConv ? conv(e, id) : conv_transpose(e, id);
}

Result<bool> emit_MatMul(Emitter& e, NodeId id) {
  if (e.has_left_out(id)) {
    ASSIGN(const bool done, emit_block_product(e, id));
    if (done) return true;
  }
  return emit_product(e, id);
}
Result<bool> emit_Conv(Emitter& e, NodeId id) { return emit_product(e, id); }
Result<bool> emit_ConvTranspose(Emitter& e, NodeId id) { return conv_transpose(e, id); }

}  // namespace gossamer::compile
