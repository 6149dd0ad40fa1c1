// Copy and pad: movement of elements between strided views.
#pragma once

#include <tuple>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// x -> y: the same extents and dtype (any but strings), any strides: permutes, slices, broadcasts,
// windows and diagonals are views. x and y do not overlap. Fast where both have an axis of stride
// 1, the same one or not.
struct CopyStep {
  static constexpr std::tuple<> kFields{};
};
Result<PreparedPtr> prepare(const CopyStep& step, const Shapes& shapes);

enum class PadFill : std::uint8_t { constant, edge, reflect, wrap };
std::span<const std::string_view> enum_names(PadFill);

// x [, value: one element of x's dtype] -> y. Extents of y: interior >= 0 elements between any two
// neighbors of x along an axis, then before and after, of which either may be negative (crops). The
// border is filled with `value` (zero where that operand is left out; so is the interior), or, by
// mode, with the nearest element of x, its mirror image without the edge repeated, or x again; such
// modes allow no interior and need x not empty (reflect: an extent of 1 repeats that element).
struct PadStep {
  std::vector<std::int64_t> before, after;  // one an axis
  std::vector<std::int64_t> interior;       // one an axis, or none
  PadFill mode = PadFill::constant;
  static constexpr auto kFields =
      std::tuple(field("before", &PadStep::before), field("after", &PadStep::after),
                 field("interior", &PadStep::interior), field("mode", &PadStep::mode));
};
Result<PreparedPtr> prepare(const PadStep& step, const Shapes& shapes);

// x -> y: along `axis` x comes `times` over, as a whole or (`each`) element by element; the other
// extents are the same.
struct RepeatStep {
  std::int64_t axis = 0;
  std::int64_t times = 1;
  bool each = false;
  static constexpr auto kFields =
      std::tuple(field("axis", &RepeatStep::axis), field("times", &RepeatStep::times),
                 field("each", &RepeatStep::each));
};
Result<PreparedPtr> prepare(const RepeatStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
