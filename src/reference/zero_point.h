// Zero points: what is subtracted from integer operands of products before they are multiplied.
#pragma once

#include "base/tensor.h"

namespace gossamer::reference {

// x - zero in the accumulator i32, zero broadcast to x's shape by numpy's rules. Fails (malformed)
// when dtypes differ, are no integers of at most 8 bits, or the shape does not fit.
Result<Tensor> without_zero_point(const Tensor& x, const Tensor& zero);

}  // namespace gossamer::reference
