// TextNormalize: drops stop words and changes case.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class CaseChange : std::uint8_t { none, lower, upper };
inline std::span<const std::string_view> enum_names(CaseChange) {
  static constexpr std::array<std::string_view, 3> kNames{"none", "lower", "upper"};
  return kNames;
}

struct TextNormalizeAttributes {
  std::vector<std::string> stop_words;
  bool case_sensitive = false;  // comparing with stop words
  CaseChange change = CaseChange::none;
  static constexpr auto kFields =
      std::tuple(field("stop_words", &TextNormalizeAttributes::stop_words),
                 field("case_sensitive", &TextNormalizeAttributes::case_sensitive),
                 field("change", &TextNormalizeAttributes::change));
};

namespace reference {
// operand s [n] or [1,n] -> what is left, of the same rank; one empty string when nothing is. Case
// follows Unicode's simple mappings, whatever the locale; what is not UTF-8 is kept as it is.
Status text_normalize(const TextNormalizeAttributes& a, Context& c);
// Whether operands and attributes are what it takes.
Status check_text_normalize(const TextNormalizeAttributes& a, const Context& c);
}  // namespace reference

}  // namespace gossamer
