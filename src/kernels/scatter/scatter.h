// Scatter: data with elements or slices replaced by, or combined with, updates at indices.
//
// operands data, indices (i32 or i64; negative ones count from the end), updates of data's dtype ->
// y like data; y may be data's very memory. Plain loops, one share.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// along: indices have the data's rank; one element each, on `axis`. nd: the last axis of the
// indices holds coordinates of elements or slices.
enum class ScatterMode : std::uint8_t { along, nd };
std::span<const std::string_view> enum_names(ScatterMode);
// What an update does to the element that is there; with duplicates in row-major order.
enum class ScatterCombine : std::uint8_t { none, add, mul, max, min };
std::span<const std::string_view> enum_names(ScatterCombine);

struct ScatterStep {
  ScatterMode mode = ScatterMode::along;
  int axis = 0;  // along; not negative
  ScatterCombine combine = ScatterCombine::none;
  static constexpr auto kFields =
      std::tuple(field("mode", &ScatterStep::mode), field("axis", &ScatterStep::axis),
                 field("combine", &ScatterStep::combine));
};

// Prepared::verify fails with malformed when an index is out of range. none takes any dtype but
// string; the others f32, f64, i32, i64, u8, i8 and bool. Fails with internal on operands that
// contradict the step, and with unsupported on other dtypes.
Result<PreparedPtr> prepare(const ScatterStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
