// Pointwise: one elementwise program over broadcast operands. The program is a straight list of
// typed instructions; the scalar code runs one instruction at a time over tiles of 1,024 elements.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class PointwiseOp : std::uint8_t {
#define POINTWISE_OP(name, operands, kind) name,
#include "reference/pointwise_ops.def"
#undef POINTWISE_OP
};
std::string_view pointwise_op_name(PointwiseOp op);  // "add"; logical_and prints as "and"
int pointwise_op_operands(PointwiseOp op);

// One element of any dtype but string and complex: its bits as the run-time element type has them,
// zero-extended.
struct Scalar {
  DType dtype = DType::f32;
  std::uint64_t bits = 0;
  bool operator==(const Scalar&) const = default;
};
// `value` converted as `cast` would (integers wrap, floats round once).
Scalar make_scalar(DType dtype, double value);
Scalar make_scalar(DType dtype, std::int64_t value);

// What an instruction reads: an operand tensor of the node, a constant, or an earlier instruction's
// result.
struct Ref {
  enum class Kind : std::uint8_t { input, constant, result };
  Kind kind = Kind::input;
  std::int16_t index = 0;
  bool operator==(const Ref&) const = default;
};

enum class CastRounding : std::uint8_t {
  nearest,
  up,
  down
};  // to e8m0; others round to nearest even

struct Instruction {
  PointwiseOp op = PointwiseOp::add;
  DType dtype = DType::f32;      // of the result
  std::array<Ref, 3> args = {};  // as many as the op has operands
  std::int16_t axis = 0;         // index, extent: axis of the result, counted from the front
  bool saturate = true;          // cast and quantize to narrow floats
  CastRounding rounding = CastRounding::up;
  DType precision = DType::f32;  // quantize: dtype of the division
  bool operator==(const Instruction&) const = default;
};

inline constexpr int kMaxInstructions = 64;

struct PointwiseProgram {
  std::vector<DType> inputs;  // dtypes of the tensor operands
  std::vector<Scalar> constants;
  std::vector<Instruction> instructions;
  std::vector<Ref> results;

  DType dtype_of(Ref ref) const;
  bool operator==(const PointwiseProgram&) const = default;
};

// Checks indices, operand counts and the dtype rules; fails with malformed.
Status validate(const PointwiseProgram& program);
// "a = add x0 x1; y0 = mul a 0.5f" and back; the text stands between braces in a graph's text form.
std::string to_text(const PointwiseProgram& program);
Result<PointwiseProgram> parse_pointwise(std::string_view text);
AttributeValue to_attribute(const PointwiseProgram& program);
Result<PointwiseProgram> from_attribute(const AttributeValue& v,
                                        std::type_identity<PointwiseProgram>);

// Operands: the program's inputs, then optionally an i64 vector `extent` that takes part in the
// broadcast of the result.
struct PointwiseAttributes {
  PointwiseProgram program;
  bool has_extent = false;
  static constexpr auto kFields = std::tuple(field("program", &PointwiseAttributes::program),
                                             field("has_extent", &PointwiseAttributes::has_extent));
};

namespace reference {
// operands x0.. [, extent i64[r]] -> y0..; every result has the broadcast shape of the inputs and
// `extent`.
Status pointwise(const PointwiseAttributes& a, Context& c);
// One instruction on scalars, for constant folding in shape arithmetic and tests.
Scalar apply(const Instruction& instruction, std::span<const Scalar> args);
}  // namespace reference

// --- building programs ---

// Builds a PointwiseProgram value by value. Equal constants are shared. Arithmetic wants equal
// dtypes: lowerings write their casts, and `validate` refuses a program that lacks one.
class ExpressionBuilder {
 public:
  Ref input(DType dtype);
  Ref constant(DType dtype, double value);
  Ref integer(DType dtype, std::int64_t value);
  Ref constant(Scalar value);
  // A constant of the same dtype as `like`.
  Ref like(Ref like, double value) { return constant(dtype(like), value); }
  DType dtype(Ref ref) const { return program_.dtype_of(ref); }

#define POINTWISE_UNARY(name) \
  Ref name(Ref a) { return emit1(PointwiseOp::name, a); }
#define POINTWISE_BINARY(name) \
  Ref name(Ref a, Ref b) { return emit2(PointwiseOp::name, a, b); }
  POINTWISE_UNARY(neg)
  POINTWISE_UNARY(abs)
  POINTWISE_UNARY(sign)
  POINTWISE_UNARY(floor)
  POINTWISE_UNARY(ceil)
  POINTWISE_UNARY(rint)
  POINTWISE_UNARY(trunc)
  POINTWISE_UNARY(recip)
  POINTWISE_UNARY(sqrt)
  POINTWISE_UNARY(rsqrt)
  POINTWISE_UNARY(exp)
  POINTWISE_UNARY(expm1)
  POINTWISE_UNARY(log)
  POINTWISE_UNARY(log1p)
  POINTWISE_UNARY(sin)
  POINTWISE_UNARY(cos)
  POINTWISE_UNARY(tan)
  POINTWISE_UNARY(tanh)
  POINTWISE_UNARY(erf)
  POINTWISE_UNARY(sigmoid)
  POINTWISE_UNARY(logical_not)
  POINTWISE_UNARY(isnan)
  POINTWISE_BINARY(add)
  POINTWISE_BINARY(sub)
  POINTWISE_BINARY(mul)
  POINTWISE_BINARY(div)
  POINTWISE_BINARY(min)
  POINTWISE_BINARY(max)
  POINTWISE_BINARY(pow)
  POINTWISE_BINARY(mod)
  POINTWISE_BINARY(rem)
  POINTWISE_BINARY(eq)
  POINTWISE_BINARY(lt)
  POINTWISE_BINARY(le)
  POINTWISE_BINARY(logical_and)
  POINTWISE_BINARY(logical_or)
  POINTWISE_BINARY(logical_xor)
  POINTWISE_BINARY(shl)
  POINTWISE_BINARY(shr)
#undef POINTWISE_UNARY
#undef POINTWISE_BINARY
  Ref unary(PointwiseOp op, Ref a) { return emit1(op, a); }
  Ref binary(PointwiseOp op, Ref a, Ref b) { return emit2(op, a, b); }
  Ref select(Ref condition, Ref a, Ref b);
  // No instruction when the dtype is the same.
  Ref cast(Ref a, DType dtype, bool saturate = true, CastRounding rounding = CastRounding::up);
  Ref bits(Ref a, DType dtype);
  Ref quantize(Ref x, Ref scale, Ref zero_point, DType precision = DType::f32,
               bool saturate = true);
  Ref dequantize(Ref q, Ref scale, Ref zero_point, DType dtype);
  Ref index(int axis);
  Ref extent(int axis);
  // f16 and bf16 as f32, everything else as it is: operators compute there and round once at the
  // end.
  Ref widen(Ref a);
  // min(high, max(x, low))
  Ref clip(Ref x, Ref low, Ref high) { return min(high, max(x, low)); }

  PointwiseProgram finish(std::span<const Ref> results);
  PointwiseProgram finish(Ref result) { return finish(std::span<const Ref>(&result, 1)); }

 private:
  Ref emit(Instruction instruction);
  Ref emit1(PointwiseOp op, Ref a);
  Ref emit2(PointwiseOp op, Ref a, Ref b);
  PointwiseProgram program_;
};

}  // namespace gossamer
