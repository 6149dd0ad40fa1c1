// Refuse: stands where a branch cannot run for the inputs that a graph was made for.
#pragma once

#include <string>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct RefuseAttributes {
  std::string message;
  std::vector<std::string> types;  // of the results, as the text form spells them
  static constexpr auto kFields = std::tuple(field("message", &RefuseAttributes::message),
                                             field("types", &RefuseAttributes::types));
};

namespace reference {
// no operands -> any number of results, none of which ever comes: fails with unsupported and the
// message.
Status refuse(const RefuseAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
