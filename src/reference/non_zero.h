// NonZero: the coordinates of elements that are not zero.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

using NonZeroAttributes = NoAttributes;

namespace reference {
// operand x -> i64[rank, n], a column an element, in row-major order. A NaN and a string that is
// not empty count.
Status non_zero(const NonZeroAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
