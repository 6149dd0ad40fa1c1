// Shape of an operand, as a vector.
#include "reference/shape.h"

#include <algorithm>

namespace gossamer {

AxisRange selected_axes(const ShapeAttributes& a, int rank) {
  auto clamped = [rank](std::int64_t i) {
    return static_cast<int>(std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank));
  };
  AxisRange range{clamped(a.start), clamped(a.end)};
  range.last = std::max(range.first, range.last);
  return range;
}

namespace reference {

Status shape(const ShapeAttributes& a, Context& c) {
  const Shape& s = c.tensor(0).shape();
  const AxisRange range = selected_axes(a, s.rank());
  ASSIGN(Tensor * out, c.make(0, DType::i64, Shape{range.last - range.first}));
  std::copy(s.begin() + range.first, s.begin() + range.last,
            out->mutable_values<std::int64_t>().begin());
  return {};
}

}  // namespace reference
}  // namespace gossamer
