// Reduce: one number from all elements along chosen axes.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class ReduceOp : std::uint8_t { sum, mean, prod, max, min, logsumexp };
std::span<const std::string_view> enum_names(ReduceOp);

struct ReduceAttributes {
  ReduceOp op = ReduceOp::sum;
  std::vector<int> axes;  // not negative, ascending; none: nothing is reduced
  bool keep = false;      // reduced axes stay with extent 1
  static constexpr auto kFields =
      std::tuple(field("op", &ReduceAttributes::op), field("axes", &ReduceAttributes::axes),
                 field("keep", &ReduceAttributes::keep));
};

namespace reference {
// operand x -> y of x's dtype. Integers wrap; the mean of integers truncates. Narrow floats are
// computed in f32. An empty set gives the op's neutral element: 0, NaN (mean), 1, the least, the
// greatest value, -inf. Booleans: max and min only. NaN wins in max and min.
Status reduce(const ReduceAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
