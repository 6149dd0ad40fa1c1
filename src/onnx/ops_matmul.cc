// MatMul and Gemm.
#include <cmath>

#include "onnx/lowering.h"
#include "reference/accumulate.h"
#include "reference/matmul.h"

namespace gossamer::onnx {

Status lower_matmul(Lowering& l) {
  return l.output(l.b().one(kMatMul, MatMulAttributes{}, {l.input(0), l.input(1)}));
}

// alpha * op(A) op(B) + beta * C, rounded once. Below 7 C broadcasts only if asked to, by the same
// rule.
Status lower_gemm(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const float alpha, l.float_or("alpha", 1));
  ASSIGN(const float beta, l.float_or("beta", 1));
  ASSIGN(const std::int64_t trans_a, l.int_or("transA", 0));
  ASSIGN(const std::int64_t trans_b, l.int_or("transB", 0));
  const DType dtype = l.dtype(0);
  const bool added = l.has_input(2) && beta != 0;
  if (is_integer(dtype) && (std::trunc(alpha) != alpha || std::trunc(beta) != beta))
    return l.refuse("fractions of integers (alpha " + std::to_string(alpha) + ", beta " +
                    std::to_string(beta) + ")");
  MatMulAttributes a;
  a.trans_a = trans_a != 0;
  a.trans_b = trans_b != 0;
  a.wide = added || alpha != 1;
  ASSIGN(const ValueId product, b.one(kMatMul, a, {l.input(0), l.input(1)}));
  if (!a.wide) {
    l.output(0, product);
    return {};
  }
  std::vector<ValueId> operands{product};
  if (added) operands.push_back(l.input(2));
  return l.output(b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> x) {
    Ref y = x[0];
    if (alpha != 1) y = e.mul(y, e.like(y, double{alpha}));
    if (added) {
      Ref c = e.cast(x[1], e.dtype(y));
      if (beta != 1) c = e.mul(c, e.like(c, double{beta}));
      y = e.add(y, c);
    }
    return e.cast(y, dtype);
  }));
}

}  // namespace gossamer::onnx
