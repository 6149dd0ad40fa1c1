// Operators that are one instruction or a fold of one: arithmetic, logic, comparison, constants.
#include <algorithm>

#include "onnx/elementwise.h"
#include "onnx/text.h"

namespace gossamer::onnx {

// --- shared ---

Status expect_numeric(Lowering& l) {
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    if (!l.has_input(i)) continue;
    if (!l.type(i).is_tensor()) return l.wrong("input " + std::to_string(i) + " is not a tensor");
    if (l.dtype(i) == DType::string) return l.refuse("not supported on tensors of strings");
  }
  return {};
}

Status lower_expression(Lowering& l, std::size_t count, DType result,
                        const Builder::PointwiseFn& build) {
  TRY(expect_numeric(l));
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < count; ++i) {
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is missing");
    operands.push_back(l.input(i));
  }
  return l.output(l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    std::vector<Ref> wide;
    for (Ref r : in) wide.push_back(e.widen(r));
    return e.cast(build(e, wide), result);
  }));
}

Status lower_activation(Lowering& l, const std::function<Ref(ExpressionBuilder&, Ref)>& build) {
  TRY(expect_numeric(l));
  return lower_expression(l, 1, l.dtype(0), [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return build(e, in[0]);
  });
}

Result<ValueId> legacy_operand(Lowering& l) {
  const ValueId b = l.input(1);
  if (l.version() >= 7) return b;
  ASSIGN(std::int64_t broadcast, l.int_or("broadcast", 0));
  if (broadcast == 0 || !l.has_attribute("axis")) return b;
  ASSIGN(int rank_a, l.rank(0));
  ASSIGN(int rank_b, l.rank(1));
  ASSIGN(std::int64_t attribute, l.int_or("axis", 0));
  ASSIGN(int axis, l.axis(attribute, std::max(rank_a, 1)));
  if (rank_a < axis + rank_b)
    return l.wrong("input 1 does not fit from axis " + std::to_string(axis));
  std::vector<int> ones;
  for (int d = rank_b; d < rank_a - axis; ++d) ones.push_back(d);
  return l.b().unsqueeze(b, ones);
}

Result<ValueId> as_extent(Lowering& l, std::size_t i) {
  if (!l.type(i).is_tensor() || !is_integer(l.dtype(i)))
    return l.wrong("input " + std::to_string(i) + " must be an integer");
  ASSIGN(ValueId wide, l.b().cast(l.input(i), DType::i64));
  return l.b().reshape_to(wide, std::vector<std::int64_t>{1});
}

namespace {

Status lower_unary(Lowering& l, PointwiseOp op) {
  TRY(expect_numeric(l));
  return l.output(l.b().unary(op, l.input(0)));
}

Status lower_binary(Lowering& l, PointwiseOp op, bool swapped = false) {
  TRY(expect_numeric(l));
  ASSIGN(ValueId b, legacy_operand(l));
  const ValueId a = l.input(0);
  return l.output(swapped ? l.b().binary(op, b, a) : l.b().binary(op, a, b));
}

// Inputs folded a few at a time, since a program is bounded; sums stay wide until the end.
constexpr std::size_t kFoldedAtOnce = 16;

Status lower_fold(Lowering& l, PointwiseOp op, bool mean = false) {
  TRY(expect_numeric(l));
  const DType dtype = l.dtype(0);
  const std::size_t count = l.input_count();
  ValueId total = kNoValue;
  for (std::size_t next = 0; next < count;) {
    std::vector<ValueId> operands;
    if (total != kNoValue) operands.push_back(total);
    for (; next < count && operands.size() < kFoldedAtOnce; ++next) {
      if (!l.has_input(next) || l.dtype(next) != dtype)
        return l.wrong("inputs must be tensors of one element type");
      operands.push_back(l.input(next));
    }
    const bool last = next == count;
    ASSIGN(total, l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
      Ref r = e.widen(in[0]);
      for (std::size_t i = 1; i < in.size(); ++i) r = e.binary(op, r, e.widen(in[i]));
      if (last && mean && count > 1) r = e.div(r, e.like(r, static_cast<double>(count)));
      return last ? e.cast(r, dtype) : r;
    }));
  }
  l.output(0, total);
  return {};
}

}  // namespace

// --- one operand ---

#define UNARY(name, op) \
  Status lower_##name(Lowering& l) { return lower_unary(l, PointwiseOp::op); }
UNARY(abs, abs)
UNARY(neg, neg)
UNARY(sign, sign)
UNARY(floor, floor)
UNARY(ceil, ceil)
UNARY(round, rint)
UNARY(reciprocal, recip)
UNARY(sqrt, sqrt)
UNARY(exp, exp)
UNARY(log, log)
UNARY(sin, sin)
UNARY(cos, cos)
UNARY(tan, tan)
UNARY(asin, asin)
UNARY(acos, acos)
UNARY(atan, atan)
UNARY(sinh, sinh)
UNARY(cosh, cosh)
UNARY(tanh, tanh)
UNARY(asinh, asinh)
UNARY(acosh, acosh)
UNARY(atanh, atanh)
UNARY(erf, erf)
UNARY(sigmoid, sigmoid)
UNARY(not, logical_not)
UNARY(bitwise_not, logical_not)
#undef UNARY

namespace {

// Eight-bit floats are looked at as f32.
Ref comparable(ExpressionBuilder& e, Ref x) {
  const DType d = e.dtype(x);
  return is_floating(d) && !is_arithmetic_float(d) ? e.cast(x, DType::f32) : x;
}

}  // namespace

Status lower_is_nan(Lowering& l) {
  return lower_expression(l, 1, DType::boolean, [](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.isnan(comparable(e, in[0]));
  });
}

Status lower_is_inf(Lowering& l) {
  ASSIGN(std::int64_t negative, l.int_or("detect_negative", 1));
  ASSIGN(std::int64_t positive, l.int_or("detect_positive", 1));
  return lower_expression(l, 1, DType::boolean, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref x = comparable(e, in[0]);
    const Ref infinity = e.like(x, std::numeric_limits<double>::infinity());
    if (positive != 0 && negative != 0) return e.eq(e.abs(x), infinity);
    if (positive != 0) return e.eq(x, infinity);
    if (negative != 0) return e.eq(e.neg(x), infinity);
    return e.integer(DType::boolean, 0);
  });
}

Status lower_identity(Lowering& l) {
  l.output(0, l.input(0));
  return {};
}

// --- two operands ---

#define BINARY(name, op, ...)                                           \
  Status lower_##name(Lowering& l) {                                    \
    return lower_binary(l, PointwiseOp::op __VA_OPT__(, ) __VA_ARGS__); \
  }
BINARY(add, add)
BINARY(sub, sub)
BINARY(mul, mul)
BINARY(div, div)
BINARY(and, logical_and)
BINARY(or, logical_or)
BINARY(xor, logical_xor)
BINARY(bitwise_and, logical_and)
BINARY(bitwise_or, logical_or)
BINARY(bitwise_xor, logical_xor)
BINARY(less, lt)
BINARY(less_or_equal, le)
BINARY(greater, lt, true)
BINARY(greater_or_equal, le, true)
#undef BINARY

Status lower_equal(Lowering& l) {
  if (is_text(l, 0) && is_text(l, 1))
    return l.output(add_text(l, {.op = TextOp::equal}, {l.input(0), l.input(1)}));
  return lower_binary(l, PointwiseOp::eq);
}

Status lower_pow(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(ValueId b, legacy_operand(l));
  return l.output(l.b().pointwise(
      {l.input(0), b},
      [](ExpressionBuilder& e, std::span<const Ref> in) { return e.pow(in[0], in[1]); }));
}

Status lower_mod(Lowering& l) {
  ASSIGN(std::int64_t fmod, l.int_or("fmod", 0));
  if (fmod != 0 && fmod != 1) return l.wrong("attribute 'fmod' must be 0 or 1");
  return lower_binary(l, fmod == 1 ? PointwiseOp::rem : PointwiseOp::mod);
}

Status lower_bit_shift(Lowering& l) {
  ASSIGN(std::string direction, l.required_string("direction"));
  if (direction != "LEFT" && direction != "RIGHT")
    return l.wrong("attribute 'direction' must be LEFT or RIGHT");
  return lower_binary(l, direction == "LEFT" ? PointwiseOp::shl : PointwiseOp::shr);
}

Status lower_where(Lowering& l) {
  if (is_text(l, 1) && is_text(l, 2))
    return l.output(add_text(l, {.op = TextOp::select}, {l.input(0), l.input(1), l.input(2)}));
  TRY(expect_numeric(l));
  if (l.dtype(0) != DType::boolean || l.dtype(1) != l.dtype(2))
    return l.wrong("expected a boolean condition and two inputs of one element type");
  return l.output(l.b().pointwise(
      {l.input(0), l.input(1), l.input(2)},
      [](ExpressionBuilder& e, std::span<const Ref> in) { return e.select(in[0], in[1], in[2]); }));
}

// --- any number ---

Status lower_max(Lowering& l) { return lower_fold(l, PointwiseOp::max); }
Status lower_min(Lowering& l) { return lower_fold(l, PointwiseOp::min); }
Status lower_sum(Lowering& l) { return lower_fold(l, PointwiseOp::add); }
Status lower_mean(Lowering& l) { return lower_fold(l, PointwiseOp::add, true); }

}  // namespace gossamer::onnx
