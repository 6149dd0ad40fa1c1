// ArgReduce: where along an axis the largest or smallest element is.
//
// operand x (f32, f64, i32, i64, u8 or i8) -> y i64, of x's extents with the axis 1 or left out. A
// NaN wins over every number. The axis is not empty, unless y is. Fast for f32 where the axis has
// stride 1.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

enum class ArgReduceOp : std::uint8_t { max, min };
std::span<const std::string_view> enum_names(ArgReduceOp);

struct ArgReduceStep {
  ArgReduceOp op = ArgReduceOp::max;
  int axis = 0;       // not negative
  bool last = false;  // of equal elements the last instead of the first
  static constexpr auto kFields =
      std::tuple(field("op", &ArgReduceStep::op), field("axis", &ArgReduceStep::axis),
                 field("last", &ArgReduceStep::last));
};

// Fails with internal on operands that contradict the step, with malformed on an empty axis, and
// with unsupported on other dtypes.
Result<PreparedPtr> prepare(const ArgReduceStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
