// ArgReduce: where along an axis the largest or smallest element is.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class ArgReduceOp : std::uint8_t { max, min };
inline std::span<const std::string_view> enum_names(ArgReduceOp) {
  static constexpr std::array<std::string_view, 2> kNames{"max", "min"};
  return kNames;
}

struct ArgReduceAttributes {
  ArgReduceOp op = ArgReduceOp::max;
  int axis = 0;       // not negative
  bool keep = false;  // the axis stays, with extent 1
  bool last = false;  // of equal elements the last instead of the first
  static constexpr auto kFields = std::tuple(
      field("op", &ArgReduceAttributes::op), field("axis", &ArgReduceAttributes::axis),
      field("keep", &ArgReduceAttributes::keep), field("last", &ArgReduceAttributes::last));
};

namespace reference {
// operand x, a number -> i64. A NaN wins over every number. An axis of extent 0 is malformed unless
// the result is empty.
Status arg_reduce(const ArgReduceAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
