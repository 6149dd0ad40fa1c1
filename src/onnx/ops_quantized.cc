// Products of quantized integers, as sums in i32 that are scaled afterwards: ConvInteger,
// MatMulInteger, QLinearConv, QLinearMatMul.
#include "onnx/lowering.h"
#include "onnx/quantize.h"
#include "onnx/windows.h"
#include "reference/conv.h"
#include "reference/matmul.h"

namespace gossamer::onnx {
namespace {

ValueId input_or_none(Lowering& l, std::size_t i) { return l.has_input(i) ? l.input(i) : kNoValue; }

Result<ConvAttributes> read_conv(Lowering& l, ValueId weights) {
  ASSIGN(WindowArguments w, read_windows(l));
  TRY(check_kernel_shape(l, weights));
  ConvAttributes a;
  a.strides = std::move(w.strides);
  a.dilations = std::move(w.dilations);
  a.pads = std::move(w.pads);
  a.auto_pad = w.auto_pad;
  ASSIGN(a.group, l.int_or("group", 1));
  return a;
}

// A number a row: [M] as [M,1]. Scalars and whole shapes stay.
Result<ValueId> by_row(Lowering& l, ValueId v) {
  if (v == kNoValue) return v;
  const gossamer::Type& t = l.b().type(v);
  if (!t.ranked() || t.rank() != 1 || t.dim(0) == Dim(1)) return v;
  return l.b().unsqueeze(v, {1});
}

// A number a channel: [M] as [M,1..] against y[N,M,..] of `rank`.
Result<ValueId> by_channel(Lowering& l, ValueId v, int rank) {
  const gossamer::Type& t = l.b().type(v);
  if (!t.ranked() || t.rank() != 1 || t.dim(0) == Dim(1)) return v;
  std::vector<int> ones;
  for (int i = 1; i + 1 < rank; ++i) ones.push_back(i);
  return l.b().unsqueeze(v, ones);
}

}  // namespace

Status lower_conv_integer(Lowering& l) {
  ASSIGN(const ConvAttributes a, read_conv(l, l.input(1)));
  return l.output(
      l.b().one(kConv, a, {l.input(0), l.input(1), input_or_none(l, 2), input_or_none(l, 3)}));
}

Status lower_matmul_integer(Lowering& l) {
  ASSIGN(const ValueId a_zero, by_row(l, input_or_none(l, 2)));
  return l.output(l.b().one(kMatMul, MatMulAttributes{},
                            {l.input(0), l.input(1), a_zero, input_or_none(l, 3)}));
}

namespace {

// x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero [, bias i32]
Result<ValueId> qlinear_conv(Lowering& l, ValueId image) {
  Builder& b = l.b();
  ASSIGN(const ConvAttributes a, read_conv(l, l.input(3)));
  ASSIGN(const ValueId sums, b.one(kConv, a, {image, l.input(3), l.input(2), l.input(5)}));
  ASSIGN(const int rank, l.rank_of(sums));
  ASSIGN(const ValueId w_scale, by_channel(l, l.input(4), rank));
  std::vector<ValueId> operands{sums, l.input(1), w_scale, l.input(6), l.input(7)};
  if (l.has_input(8)) {
    if (!l.type(8).is_tensor() || l.dtype(8) != DType::i32)
      return l.wrong("the bias must be of type i32");
    ASSIGN(const ValueId bias, by_channel(l, l.input(8), rank));
    operands.push_back(bias);
  }
  return b.pointwise(operands, [](ExpressionBuilder& e, std::span<const Ref> x) {
    const Ref sum = x.size() > 5 ? e.add(x[0], x[5]) : x[0];
    const Ref scale = e.mul(e.cast(x[1], DType::f32), e.cast(x[2], DType::f32));
    const Ref y = e.mul(e.cast(sum, DType::f32), scale);
    return e.quantize(y, x[3], x[4]);
  });
}

}  // namespace

Status lower_qlinear_conv(Lowering& l) { return l.output(qlinear_conv(l, l.input(0))); }

// com.microsoft's: with channels_last x and y have their channels behind; the weights do not.
Status lower_ms_qlinear_conv(Lowering& l) {
  ASSIGN(const std::int64_t last, l.int_or("channels_last", 0));
  if (last == 0) return lower_qlinear_conv(l);
  ASSIGN(const int rank, l.rank(0));
  if (rank < 2) return l.wrong("the input must have batch and channel axes");
  std::vector<int> first{0, rank - 1}, back{0};
  for (int d = 1; d + 1 < rank; ++d) first.push_back(d);
  for (int d = 2; d < rank; ++d) back.push_back(d);
  back.push_back(1);
  ASSIGN(const ValueId x, l.b().transpose(l.input(0), std::move(first)));
  ASSIGN(const ValueId y, qlinear_conv(l, x));
  return l.output(l.b().transpose(y, std::move(back)));
}

namespace {

// a_scale, b_scale, y_scale, y_zero in shapes that broadcast against y.
Result<std::vector<ValueId>> scales_of(Lowering& l) {
  ASSIGN(const ValueId a_scale, by_row(l, l.input(1)));
  ASSIGN(const ValueId y_scale, by_row(l, l.input(6)));
  ASSIGN(const ValueId y_zero, by_row(l, l.input(7)));
  return std::vector<ValueId>{a_scale, l.input(4), y_scale, y_zero};
}

// Narrow floats have no exact sums in integers: they are dequantized first.
Status lower_qlinear_matmul_floats(Lowering& l, std::span<const ValueId> scales) {
  Builder& b = l.b();
  ASSIGN(const ValueId a_zero, by_row(l, l.input(2)));
  ASSIGN(const ValueId x, dequantized(l, l.input(0), scales[0], a_zero));
  ASSIGN(const ValueId w, dequantized(l, l.input(3), scales[1], l.input(5)));
  ASSIGN(const ValueId y, b.one(kMatMul, MatMulAttributes{}, {x, w}));
  return l.output(
      b.pointwise({y, scales[2], scales[3]}, [](ExpressionBuilder& e, std::span<const Ref> r) {
        return e.quantize(r[0], e.widen(r[1]), r[2]);
      }));
}

}  // namespace

// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
Status lower_qlinear_matmul(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const std::vector<ValueId> scales, scales_of(l));
  if (!is_integer(l.dtype(0)) || !is_integer(l.dtype(3)))
    return lower_qlinear_matmul_floats(l, scales);
  ASSIGN(const ValueId a_zero, by_row(l, l.input(2)));
  ASSIGN(const ValueId sums,
         b.one(kMatMul, MatMulAttributes{}, {l.input(0), l.input(3), a_zero, l.input(5)}));
  return l.output(
      b.pointwise({sums, scales[0], scales[1], scales[2], scales[3]},
                  [](ExpressionBuilder& e, std::span<const Ref> x) {
                    const Ref scale = e.mul(e.cast(x[1], DType::f32), e.cast(x[2], DType::f32));
                    return e.quantize(e.mul(e.cast(x[0], DType::f32), scale), e.widen(x[3]), x[4]);
                  }));
}

}  // namespace gossamer::onnx
