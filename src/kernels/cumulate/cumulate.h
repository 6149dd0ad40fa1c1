// Cumulate: running sums or products along an axis.
//
// operand x (f32, f64, i32, i64, u8 or i8) -> y like x; y may be the very memory of x. Integers
// wrap.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

enum class CumulateOp : std::uint8_t { sum, prod };
std::span<const std::string_view> enum_names(CumulateOp);

struct CumulateStep {
  CumulateOp op = CumulateOp::sum;
  int axis = 0;            // not negative
  bool exclusive = false;  // element i holds what came before it: 0 or 1 at first
  bool reverse = false;    // runs from the end of the axis
  static constexpr auto kFields = std::tuple(
      field("op", &CumulateStep::op), field("axis", &CumulateStep::axis),
      field("exclusive", &CumulateStep::exclusive), field("reverse", &CumulateStep::reverse));
};

// Fails with internal on operands that contradict the step, and with unsupported on other dtypes.
Result<PreparedPtr> prepare(const CumulateStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
