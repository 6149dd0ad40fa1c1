// TextSplit: cuts strings into parts.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct TextSplitAttributes {
  std::string delimiter;  // empty: runs of white space, none at the ends
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();  // of cuts a string
  static constexpr auto kFields = std::tuple(field("delimiter", &TextSplitAttributes::delimiter),
                                             field("limit", &TextSplitAttributes::limit));
};

namespace reference {
// operand s -> parts (a last axis more, as long as the most parts of one string; "" where there are
// fewer), i64 counts of s's shape
Status text_split(const TextSplitAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
