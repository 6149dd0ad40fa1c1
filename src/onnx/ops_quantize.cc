// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: granularity is broadcasting of scale and
// zero point.
#include <numeric>

#include "onnx/elementwise.h"
#include "onnx/quantize.h"
#include "reference/reduce.h"

namespace gossamer::onnx {

// --- shared ---

Result<ValueId> spread_blocks(Lowering& l, ValueId v, int axis, std::int64_t block, ValueId like) {
  Builder& b = l.b();
  StepList steps;
  std::vector<ValueId> args;
  if (block != 1) {
    RepeatStep repeat;
    repeat.axis = axis;
    repeat.times = block;
    repeat.each = true;
    steps.push_back(repeat);
  }
  const Dim want = b.type(like).dim(axis);
  if (b.type(v).dim(axis) * Dim(block) != want) {
    SliceStep slice;
    slice.axis = axis;
    slice.start = 0;
    if (const std::optional<std::int64_t> n = want.constant()) {
      slice.end = *n;
    } else {
      ASSIGN(ValueId extent, b.dim_of(like, axis));
      args.push_back(extent);
      slice.end = Extent::from_operand(1, 0);
    }
    steps.push_back(slice);
  }
  return b.copy(v, std::move(steps), std::move(args));
}

Result<Quantized> quantize_dynamically(Lowering& l, ValueId x) {
  Builder& b = l.b();
  ASSIGN(int rank, l.rank_of(x));
  ReduceAttributes a;
  a.axes.resize(static_cast<std::size_t>(rank));
  std::iota(a.axes.begin(), a.axes.end(), 0);
  a.op = ReduceOp::max;
  ASSIGN(ValueId greatest, b.one(kReduce, a, {x}));
  a.op = ReduceOp::min;
  ASSIGN(ValueId least, b.one(kReduce, a, {x}));
  // 0 is always representable; a range of nothing but 0 has some scale.
  const ValueId ends[] = {greatest, least};
  ASSIGN(std::vector<ValueId> s,
         b.pointwise_many(ends, [](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref zero = e.like(in[0], 0);
           const Ref steps = e.like(in[0], 255);
           const Ref low = e.min(in[1], zero);
           const Ref range = e.sub(e.max(in[0], zero), low);
           const Ref scale = e.div(e.select(e.eq(range, zero), e.like(range, 1), range), steps);
           const Ref at = e.clip(e.sub(zero, e.div(low, scale)), zero, steps);
           return std::vector<Ref>{scale, e.cast(e.rint(at), DType::u8)};
         }));
  ASSIGN(ValueId y, b.pointwise({x, s[0], s[1]}, [](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.quantize(in[0], in[1], in[2]);
  }));
  return Quantized{y, s[0], s[1]};
}

namespace {

// Scale or zero point `v` in a shape that broadcasts against input 0.
Result<ValueId> granular(Lowering& l, ValueId v) {
  Builder& b = l.b();
  ASSIGN(int rank, l.rank_of(v));
  if (rank == 0) return v;
  if (b.type(v).element_count() == Dim(1)) return b.reshape_to(v, std::vector<std::int64_t>{});
  ASSIGN(int x_rank, l.rank(0));
  ASSIGN(std::int64_t attribute, l.int_or("axis", 1));
  ASSIGN(std::int64_t block, l.int_or("block_size", 0));
  if (block < 0) return l.wrong("attribute 'block_size' is negative");
  if (rank == 1 && block == 0) {
    // With one axis there is no choice.
    ASSIGN(int axis, l.axis(x_rank == 1 ? 0 : attribute, x_rank));
    std::vector<int> ones;
    for (int d = 1; d < x_rank - axis; ++d) ones.push_back(d);
    return b.unsqueeze(v, ones);
  }
  ASSIGN(int axis, l.axis(attribute, x_rank));
  if (rank != x_rank) return l.wrong("scale and zero point must have the input's rank or rank 1");
  if (block == 0) return l.wrong("attribute 'block_size' is missing");
  return spread_blocks(l, v, axis, block, l.input(0));
}

struct Scaling {
  ValueId scale, zero_point;  // kNoValue: no zero point
};

Result<Scaling> scaling(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(ValueId scale, granular(l, l.input(1)));
  ValueId zero = kNoValue;
  if (l.has_input(2)) {
    ASSIGN(zero, granular(l, l.input(2)));
  }
  return Scaling{scale, zero};
}

}  // namespace

Status lower_quantize_linear(Lowering& l) {
  ASSIGN(Scaling s, scaling(l));
  DType dtype = l.has_input(2) ? l.dtype(2) : DType::u8;
  ASSIGN(std::int64_t output_code, l.int_or("output_dtype", 0));
  if (output_code != 0) {
    ASSIGN(DType asked, l.dtype_or("output_dtype", dtype));
    if (l.has_input(2) && asked != dtype)
      return l.wrong("attribute 'output_dtype' differs from the zero point's element type");
    dtype = asked;
  }
  DType precision = is_arithmetic_float(l.dtype(1)) ? l.dtype(1) : DType::f32;
  ASSIGN(std::int64_t precision_code, l.int_or("precision", 0));
  if (precision_code != 0) {
    ASSIGN(precision, l.dtype_or("precision", precision));
  }
  ASSIGN(std::int64_t saturate, l.int_or("saturate", 1));
  std::vector<ValueId> operands = {l.input(0), s.scale};
  if (s.zero_point != kNoValue) operands.push_back(s.zero_point);
  return l.output(l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref zero = in.size() > 2 ? in[2] : e.integer(dtype, 0);
    return e.quantize(in[0], in[1], zero, precision, saturate != 0);
  }));
}

Status lower_dequantize_linear(Lowering& l) {
  ASSIGN(Scaling s, scaling(l));
  if (l.has_input(2) && l.dtype(2) != l.dtype(0))
    return l.wrong("the zero point must have the input's element type");
  DType dtype = is_arithmetic_float(l.dtype(1)) ? l.dtype(1) : DType::f32;
  ASSIGN(std::int64_t output_code, l.int_or("output_dtype", 0));
  if (output_code != 0) {
    ASSIGN(dtype, l.dtype_or("output_dtype", dtype));
  }
  std::vector<ValueId> operands = {l.input(0), s.scale};
  if (s.zero_point != kNoValue) operands.push_back(s.zero_point);
  return l.output(l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref zero = in.size() > 2 ? in[2] : e.integer(e.dtype(in[0]), 0);
    return e.dequantize(in[0], in[1], zero, dtype);
  }));
}

Status lower_dynamic_quantize_linear(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(Quantized q, quantize_dynamically(l, l.input(0)));
  l.output(0, q.values);
  l.output(1, q.scale);
  l.output(2, q.zero_point);
  return {};
}

}  // namespace gossamer::onnx
