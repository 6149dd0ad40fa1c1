// Scatter: data with elements or slices replaced by, or combined with, updates at indices.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

// along: indices have the data's rank; one element each, on `axis`. nd: the last axis of the
// indices holds coordinates of elements or slices.
enum class ScatterMode : std::uint8_t { along, nd };
inline std::span<const std::string_view> enum_names(ScatterMode) {
  static constexpr std::array<std::string_view, 2> kNames{"along", "nd"};
  return kNames;
}
// What an update does to the element that is there; with duplicates in row-major order.
enum class ScatterCombine : std::uint8_t { none, add, mul, max, min };
inline std::span<const std::string_view> enum_names(ScatterCombine) {
  static constexpr std::array<std::string_view, 5> kNames{"none", "add", "mul", "max", "min"};
  return kNames;
}

struct ScatterAttributes {
  ScatterMode mode = ScatterMode::along;
  int axis = 0;  // along; not negative
  ScatterCombine combine = ScatterCombine::none;
  static constexpr auto kFields =
      std::tuple(field("mode", &ScatterAttributes::mode), field("axis", &ScatterAttributes::axis),
                 field("combine", &ScatterAttributes::combine));
};

namespace reference {
// operands data, indices (i32 or i64; negative ones count from the end), updates of data's dtype ->
// y like data. Combining takes numbers and bool. An index out of range is malformed.
Status scatter(const ScatterAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
