// Gather: picks elements or slices of x by indices.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

// take: whole slices along `axis`; the indices' shape stands where that axis was.
// along: indices have x's rank; one element each, on `axis`.
// nd: the last axis of the indices holds coordinates of elements or slices, after `batch` axes that
// both share.
enum class GatherMode : std::uint8_t { take, along, nd };
inline std::span<const std::string_view> enum_names(GatherMode) {
  static constexpr std::array<std::string_view, 3> kNames{"take", "along", "nd"};
  return kNames;
}

struct GatherAttributes {
  GatherMode mode = GatherMode::take;
  int axis = 0;   // take, along; not negative
  int batch = 0;  // nd
  static constexpr auto kFields =
      std::tuple(field("mode", &GatherAttributes::mode), field("axis", &GatherAttributes::axis),
                 field("batch", &GatherAttributes::batch));
};

namespace reference {
// operands x, indices (i32 or i64; a negative one counts from the end) -> y of x's dtype. An index
// out of range is malformed.
Status gather(const GatherAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
