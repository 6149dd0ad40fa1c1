// Det: determinants of square matrices.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

using DetAttributes = NoAttributes;

namespace reference {
// operand x[.., n, n], a float -> [..] of x's dtype; 1 for n = 0. Computed in f64.
Status det(const DetAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
