// Concat, element by element in plain loops.
#include "reference/concat.h"

#include <algorithm>

namespace gossamer::reference {
namespace {

Result<Shape> joined_shape(int axis, Context& c) {
  Shape out = c.tensor(0).shape();
  if (axis < 0 || axis >= out.rank()) return malformed("axis out of range");
  for (std::size_t i = 1; i < c.operand_count(); ++i) {
    const Shape& s = c.tensor(i).shape();
    if (s.rank() != out.rank()) return malformed("operands differ in rank");
    for (int d = 0; d < s.rank(); ++d)
      if (d != axis && s[d] != out[d])
        return malformed("operand " + std::to_string(i) + " has shape " + s.to_string() +
                         ", which does not fit " + out.to_string());
    out[axis] += s[axis];
  }
  return out;
}

}  // namespace

Status concat(const ConcatAttributes& a, Context& c) {
  ASSIGN(Shape shape, joined_shape(a.axis, c));
  const std::int64_t outer = shape.count(0, a.axis);
  const std::int64_t row = shape.count(a.axis, shape.rank());
  ASSIGN(Tensor * out, c.make(0, c.tensor(0).dtype(), shape));
  visit_storage(out->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto y = out->mutable_values<T>();
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < c.operand_count(); ++i) {
      const Tensor& x = c.tensor(i);
      const std::int64_t chunk = x.shape().count(a.axis, x.rank());
      for (std::int64_t o = 0; o < outer; ++o)
        std::copy_n(x.values<T>().begin() + o * chunk, chunk, y.begin() + o * row + offset);
      offset += chunk;
    }
  });
  return {};
}

}  // namespace gossamer::reference
