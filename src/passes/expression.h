// Pointwise programs as passes see them: rebuilt with simplifications, put into one another.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "reference/pointwise.h"

namespace gossamer {

// A constant's one element as a scalar; nothing when it has more or fewer, or a type that programs
// cannot hold.
std::optional<Scalar> as_scalar(const Tensor& t);
double to_double(const Scalar& s);

// Rebuilds programs instruction by instruction, simplifying on the way. All rewrites give the same
// bits, but for NaN payloads and pow with small whole exponents (an ulp).
class Simplifier {
 public:
  Ref input(DType dtype) { return e_.input(dtype); }
  Ref constant(const Scalar& s);
  // The program's results in terms of what its inputs are.
  std::vector<Ref> inlined(const PointwiseProgram& program, std::span<const Ref> inputs);
  PointwiseProgram finish(std::span<const Ref> results) { return e_.finish(results); }
  // How many instructions were replaced by cheaper ones or none.
  int savings() const { return savings_; }

 private:
  Ref add(const Instruction& in, std::span<const Ref> args);
  Ref emit(const Instruction& in, std::span<const Ref> args);
  std::optional<Ref> simpler(const Instruction& in, std::span<const Ref> args);
  std::optional<Ref> simpler_unary(const Instruction& in, Ref a);
  std::optional<Ref> simpler_float(const Instruction& in, Ref a, Ref b);
  std::optional<Ref> simpler_integer(const Instruction& in, Ref a, Ref b);
  std::optional<Ref> simpler_boolean(const Instruction& in, Ref a, Ref b);
  std::optional<Ref> simpler_pow(const Instruction& in, Ref base, Ref exponent);
  std::optional<Scalar> scalar(Ref r) const;
  bool is(Ref r, double value) const;
  // The instruction that makes r, when it is this one.
  const Instruction* made_by(Ref r, PointwiseOp op) const;

  ExpressionBuilder e_;
  std::vector<Scalar> constants_;  // by index of the constant
  std::vector<Instruction> made_;  // by index of the result
  int savings_ = 0;
};

}  // namespace gossamer
