// Cumulate: running sums or products along an axis.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class CumulateOp : std::uint8_t { sum, prod };
inline std::span<const std::string_view> enum_names(CumulateOp) {
  static constexpr std::array<std::string_view, 2> kNames{"sum", "prod"};
  return kNames;
}

struct CumulateAttributes {
  CumulateOp op = CumulateOp::sum;
  int axis = 0;            // not negative
  bool exclusive = false;  // element i holds what came before it: 0 or 1 at first
  bool reverse = false;    // runs from the end of the axis
  static constexpr auto kFields =
      std::tuple(field("op", &CumulateAttributes::op), field("axis", &CumulateAttributes::axis),
                 field("exclusive", &CumulateAttributes::exclusive),
                 field("reverse", &CumulateAttributes::reverse));
};

namespace reference {
// operand x, a number -> y like x. f16 and bf16 run in f32 and are rounded as they are stored.
Status cumulate(const CumulateAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
