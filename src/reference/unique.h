// Unique: the distinct elements of a tensor, or its distinct slices along an axis.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct UniqueAttributes {
  int axis = -1;       // -1: of the flattened tensor
  bool sorted = true;  // else in the order of first occurrence
  static constexpr auto kFields = std::tuple(field("axis", &UniqueAttributes::axis),
                                             field("sorted", &UniqueAttributes::sorted));
};

namespace reference {
// operand x, of numbers, bools or strings -> y (x with a shorter axis, or a vector), and i64
// vectors: the first occurrence of each distinct one, for each of x's its place in y, and how often
// each occurs. Slices compare lexicographically; NaNs are equal and come last.
Status unique(const UniqueAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
