// ExpressionBuilder: programs value by value. Equal constants and equal instructions are shared;
// finish() drops what no result reads and numbers constants by first use, so equal expressions
// become equal programs.
#include <algorithm>
#include <cassert>

#include "reference/pointwise.h"

namespace gossamer {
namespace {

template <class T>
std::int16_t index_of_back(const std::vector<T>& v) {
  return static_cast<std::int16_t>(v.size() - 1);
}

}  // namespace

Ref ExpressionBuilder::input(DType dtype) {
  program_.inputs.push_back(dtype);
  return {Ref::Kind::input, index_of_back(program_.inputs)};
}

Ref ExpressionBuilder::constant(DType dtype, double value) {
  return constant(make_scalar(dtype, value));
}

Ref ExpressionBuilder::integer(DType dtype, std::int64_t value) {
  return constant(make_scalar(dtype, value));
}

Ref ExpressionBuilder::constant(Scalar value) {
  auto& all = program_.constants;
  auto at = std::find(all.begin(), all.end(), value);
  if (at == all.end()) at = all.insert(at, value);
  return {Ref::Kind::constant, static_cast<std::int16_t>(at - all.begin())};
}

Ref ExpressionBuilder::emit(Instruction in) {
  auto& all = program_.instructions;
  auto at = std::find(all.begin(), all.end(), in);
  if (at == all.end()) at = all.insert(at, in);
  return {Ref::Kind::result, static_cast<std::int16_t>(at - all.begin())};
}

Ref ExpressionBuilder::emit1(PointwiseOp op, Ref a) {
  assert(pointwise_op_operands(op) == 1);
  const DType d = op == PointwiseOp::isnan ? DType::boolean : dtype(a);
  return emit({.op = op, .dtype = d, .args = {a}});
}

Ref ExpressionBuilder::emit2(PointwiseOp op, Ref a, Ref b) {
  using enum PointwiseOp;
  assert(pointwise_op_operands(op) == 2);
  const DType d = op == eq || op == lt || op == le ? DType::boolean : dtype(a);
  return emit({.op = op, .dtype = d, .args = {a, b}});
}

Ref ExpressionBuilder::select(Ref condition, Ref a, Ref b) {
  return emit({.op = PointwiseOp::select, .dtype = dtype(a), .args = {condition, a, b}});
}

Ref ExpressionBuilder::cast(Ref a, DType to, bool saturate, CastRounding rounding) {
  if (dtype(a) == to) return a;
  return emit({.op = PointwiseOp::cast,
               .dtype = to,
               .args = {a},
               .saturate = saturate,
               .rounding = rounding});
}

Ref ExpressionBuilder::bits(Ref a, DType to) {
  if (dtype(a) == to) return a;
  return emit({.op = PointwiseOp::bits, .dtype = to, .args = {a}});
}

Ref ExpressionBuilder::quantize(Ref x, Ref scale, Ref zero_point, DType precision, bool saturate) {
  return emit({.op = PointwiseOp::quantize,
               .dtype = dtype(zero_point),
               .args = {x, scale, zero_point},
               .saturate = saturate,
               .precision = precision});
}

Ref ExpressionBuilder::dequantize(Ref q, Ref scale, Ref zero_point, DType to) {
  return emit({.op = PointwiseOp::dequantize, .dtype = to, .args = {q, scale, zero_point}});
}

Ref ExpressionBuilder::index(int axis) {
  return emit(
      {.op = PointwiseOp::index, .dtype = DType::i64, .axis = static_cast<std::int16_t>(axis)});
}

Ref ExpressionBuilder::extent(int axis) {
  return emit(
      {.op = PointwiseOp::extent, .dtype = DType::i64, .axis = static_cast<std::int16_t>(axis)});
}

Ref ExpressionBuilder::widen(Ref a) {
  const DType d = dtype(a);
  return d == DType::f16 || d == DType::bf16 ? cast(a, DType::f32) : a;
}

PointwiseProgram ExpressionBuilder::finish(std::span<const Ref> results) {
  const auto& old = program_.instructions;
  std::vector<bool> live(old.size(), false);
  auto mark = [&](Ref r) {
    if (r.kind == Ref::Kind::result) live[static_cast<std::size_t>(r.index)] = true;
  };
  auto operands = [](const Instruction& in) {
    return std::span(in.args).first(static_cast<std::size_t>(pointwise_op_operands(in.op)));
  };
  for (Ref r : results) mark(r);
  for (std::size_t i = old.size(); i-- > 0;)
    if (live[i])
      for (Ref r : operands(old[i])) mark(r);

  PointwiseProgram out;
  out.inputs = program_.inputs;
  std::vector<std::int16_t> moved(old.size(), -1);
  auto renumber = [&](Ref r) -> Ref {
    if (r.kind == Ref::Kind::result) return {r.kind, moved[static_cast<std::size_t>(r.index)]};
    if (r.kind == Ref::Kind::input) return r;
    const Scalar& s = program_.constants[static_cast<std::size_t>(r.index)];
    auto at = std::find(out.constants.begin(), out.constants.end(), s);
    if (at == out.constants.end()) at = out.constants.insert(at, s);
    return {r.kind, static_cast<std::int16_t>(at - out.constants.begin())};
  };
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (!live[i]) continue;
    Instruction in = old[i];
    for (std::size_t k = 0; k < operands(in).size(); ++k) in.args[k] = renumber(in.args[k]);
    out.instructions.push_back(in);
    moved[i] = index_of_back(out.instructions);
  }
  for (Ref r : results) out.results.push_back(renumber(r));
  return out;
}

}  // namespace gossamer
