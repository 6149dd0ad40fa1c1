// Shape: the extents of a tensor as a value.
#pragma once

#include <cstdint>
#include <limits>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

// The axes [start, end); both count from the back when negative and are clamped to the rank.
struct ShapeAttributes {
  std::int64_t start = 0;
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
  static constexpr auto kFields =
      std::tuple(field("start", &ShapeAttributes::start), field("end", &ShapeAttributes::end));
};

// The axes that the attributes select of a tensor of this rank: [first, last), first <= last.
struct AxisRange {
  int first = 0, last = 0;
};
AxisRange selected_axes(const ShapeAttributes& a, int rank);

namespace reference {
// operand x of any type -> i64 vector.
Status shape(const ShapeAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
