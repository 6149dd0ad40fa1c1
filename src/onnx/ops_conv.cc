// Conv, ConvTranspose, CausalConvWithState, Col2Im.
#include "onnx/lowering.h"
#include "onnx/windows.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/fold.h"

namespace gossamer::onnx {
namespace {

// The rank of x, which x or w tells.
Result<int> conv_rank(Lowering& l) {
  if (l.type(1).ranked()) return l.type(1).rank();
  return l.rank(0);
}

Result<ValueId> lower_product(Lowering& l, const Primitive& primitive, AttributePtr attributes,
                              bool biased) {
  ASSIGN(std::vector<ValueId> y,
         l.b().add(primitive, std::move(attributes), {l.input(0), l.input(1)}));
  if (!biased) return y[0];
  ASSIGN(const int rank, conv_rank(l));
  return finish_product(l, y[0], l.dtype(0), l.input(2), rank);
}

}  // namespace

Status lower_conv(Lowering& l) {
  ASSIGN(const WindowArguments w, read_windows(l));
  TRY(check_kernel_shape(l, l.input(1)));
  ConvAttributes a;
  a.strides = w.strides;
  a.dilations = w.dilations;
  a.pads = w.pads;
  a.auto_pad = w.auto_pad;
  ASSIGN(a.group, l.int_or("group", 1));
  a.wide = l.has_input(2);
  return l.output(lower_product(l, kConv, make_attributes(a), l.has_input(2)));
}

Status lower_conv_transpose(Lowering& l) {
  ASSIGN(const WindowArguments w, read_windows(l));
  TRY(check_kernel_shape(l, l.input(1)));
  ConvTransposeAttributes a;
  a.strides = w.strides;
  a.dilations = w.dilations;
  a.pads = w.pads;
  a.auto_pad = w.auto_pad;
  ASSIGN(a.output_padding, l.ints_or("output_padding", {}));
  ASSIGN(a.extents, l.ints_or("output_shape", {}));
  ASSIGN(a.group, l.int_or("group", 1));
  if (!a.extents.empty()) {
    // Some writers put batch and channels first.
    ASSIGN(const int rank, conv_rank(l));
    if (a.extents.size() == static_cast<std::size_t>(rank))
      a.extents.erase(a.extents.begin(), a.extents.begin() + 2);
    a.pads.clear();
    if (a.auto_pad == AutoPad::none) a.auto_pad = AutoPad::same_lower;
  }
  a.wide = l.has_input(2);
  return l.output(lower_product(l, kConvTranspose, make_attributes(a), l.has_input(2)));
}

namespace {

// The tokens before x: the state, or zeros of its shape [batch, channels, k-1].
Result<ValueId> causal_context(Lowering& l, std::int64_t length) {
  const ValueId x = l.input(0);
  if (l.has_input(3)) return l.b().concat({l.input(3), x}, 2);
  return l.b().copy(x, {PadStep{.axis = 2, .before = length, .after = 0}});
}

Result<ValueId> apply_activation(Lowering& l, ValueId y, DType dtype, const std::string& name,
                                 ValueId bias) {
  if (name == "none") return finish_product(l, y, dtype, bias, 3);
  if (name != "silu" && name != "swish")
    return l.wrong("attribute 'activation': unknown function '" + name + "'");
  std::vector<ValueId> operands{y};
  if (bias != kNoValue) {
    ASSIGN(const ValueId shaped, l.b().unsqueeze(bias, {1}));
    operands.push_back(shaped);
  }
  return l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> x) {
    const Ref sum = x.size() == 1 ? x[0] : e.add(x[0], e.cast(x[1], e.dtype(x[0])));
    return e.cast(e.mul(sum, e.sigmoid(sum)), dtype);
  });
}

}  // namespace

// x[B,C,L], weight[C,1,k]: a depthwise convolution that looks back only.
Status lower_causal_conv(Lowering& l) {
  Builder& b = l.b();
  const gossamer::Type& w = l.type(1);
  if (!w.ranked() || w.rank() != 3 || !w.dim(0).is_constant() || !w.dim(2).is_constant())
    return l.refuse("weights of type " + w.to_string() + " (a known shape of rank 3 is needed)");
  const std::int64_t context = *w.dim(2).constant() - 1;
  ConvAttributes a;
  a.group = *w.dim(0).constant();
  a.wide = true;
  ASSIGN(const std::string activation, l.string_or("activation", "none"));
  ASSIGN(const ValueId x, causal_context(l, context));
  ASSIGN(const ValueId y, b.one(kConv, a, {x, l.input(1)}));
  ASSIGN(const ValueId out,
         apply_activation(l, y, l.dtype(0), activation, l.has_input(2) ? l.input(2) : kNoValue));
  l.output(0, out);
  if (!l.has_output(1)) return {};
  constexpr std::int64_t kEnd = INT64_MAX;
  ASSIGN(const ValueId state,
         b.copy(x, {SliceStep{.axis = 2, .start = context == 0 ? kEnd : -context, .end = kEnd}}));
  l.output(1, state);
  return {};
}

// input[N, C*taps, windows], image_shape, block_shape.
Status lower_col2im(Lowering& l) {
  FoldAttributes a;
  ASSIGN(a.kernel, l.structure_ints(2));
  ASSIGN(a.strides, l.ints_or("strides", {}));
  ASSIGN(a.dilations, l.ints_or("dilations", {}));
  ASSIGN(a.pads, l.ints_or("pads", {}));
  std::int64_t taps = 1;
  for (std::int64_t k : a.kernel) {
    const std::optional<std::int64_t> product = k < 1 ? std::nullopt : checked_mul(taps, k);
    if (!product) return l.wrong("a block_shape of extent " + std::to_string(k));
    taps = *product;
  }
  ASSIGN(const ValueId split,
         l.b().reshape(l.input(0), {ReshapeEntry::keep(0), ReshapeEntry::infer(),
                                    ReshapeEntry::of(taps), ReshapeEntry::keep(2)}));
  std::vector<ValueId> operands{split};
  if (const auto extents = l.known_ints(1)) {
    a.extents = *extents;
    if (a.extents.size() != a.kernel.size())
      return l.wrong("image_shape and block_shape differ in length");
  } else {
    operands.push_back(l.input(1));
  }
  return l.output(l.b().one(kFold, a, operands));
}

}  // namespace gossamer::onnx
