// MatMul: numpy's matrix product, with transposed operands and zero points.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct MatMulAttributes {
  bool trans_a = false, trans_b = false;  // the last two axes exchanged; not for rank 1
  bool wide = false;                      // f16 and bf16: y is the f32 accumulator, not rounded
  static constexpr auto kFields = std::tuple(field("trans_a", &MatMulAttributes::trans_a),
                                             field("trans_b", &MatMulAttributes::trans_b),
                                             field("wide", &MatMulAttributes::wide));
};

namespace reference {
// operands a[..,m,k], b[..,k,n], [a_zero], [b_zero] -> y[..,m,n]; batch axes broadcast; a vector
// counts as one row of a or one column of b, whose axis y lacks. Zero points broadcast to their
// operand. 8-bit integers give i32.
Status matmul(const MatMulAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
