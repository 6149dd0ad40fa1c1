// Concat: joins tensors along an existing axis.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct ConcatAttributes {
  int axis = 0;  // not negative
  static constexpr auto kFields = std::tuple(field("axis", &ConcatAttributes::axis));
};

namespace reference {
// operands x0.. of one dtype and rank, equal but for the extent of `axis` -> y.
Status concat(const ConcatAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
