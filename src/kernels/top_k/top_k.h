// TopK: the k largest or smallest elements along an axis, in order, and where they were.
//
// operand x (f32, f64, i32, i64, u8 or i8) -> values of x's dtype, indices i64; either may be left
// out (a view of rank -1). k is their extent on the axis. Equal elements keep the order of their
// indices; a NaN counts as above every number.
#pragma once

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

struct TopKStep {
  int axis = 0;  // not negative
  bool largest = true;
  static constexpr auto kFields =
      std::tuple(field("axis", &TopKStep::axis), field("largest", &TopKStep::largest));
};

// Fails with internal on operands that contradict the step, with malformed where k is more than the
// axis has, and with unsupported on other dtypes.
Result<PreparedPtr> prepare(const TopKStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
