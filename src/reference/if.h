// If: one of two bodies, chosen while running.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct IfAttributes {
  static constexpr std::tuple<> kFields{};
};

namespace reference {
// operands cond (one boolean), captured.. -> whatever body 0 (cond is true) or 1 gives for the
// captured values.
Status if_then_else(const IfAttributes& a, Context& c);
// The one boolean that a condition holds; fails (malformed) when it holds none or more.
Result<bool> condition_of(const Value& v);
}  // namespace reference

}  // namespace gossamer
