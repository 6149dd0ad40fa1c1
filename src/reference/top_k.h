// TopK: the k largest or smallest elements along an axis, in order, and where they were.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct TopKAttributes {
  int axis = 0;  // not negative
  bool largest = true;
  static constexpr auto kFields =
      std::tuple(field("axis", &TopKAttributes::axis), field("largest", &TopKAttributes::largest));
};

namespace reference {
// operands x (a number), k (i64, one element) -> values of x's dtype, i64 indices. Equal elements
// keep the order of their indices; a NaN counts as above every number. A negative k, or more than
// the axis has, is malformed.
Status top_k(const TopKAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
