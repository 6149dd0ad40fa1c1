// Text: operations on the elements of tensors of strings, with broadcasting.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class TextOp : std::uint8_t { concat, equal, select, match, parse, format };
inline std::span<const std::string_view> enum_names(TextOp) {
  static constexpr std::array<std::string_view, 6> kNames{"concat", "equal", "select",
                                                          "match",  "parse", "format"};
  return kNames;
}

struct TextAttributes {
  TextOp op = TextOp::concat;
  std::string pattern{};     // match: in RE2's syntax
  DType dtype = DType::f32;  // parse: what numbers become
  static constexpr auto kFields =
      std::tuple(field("op", &TextAttributes::op), field("pattern", &TextAttributes::pattern),
                 field("dtype", &TextAttributes::dtype));
};

namespace reference {
// concat, equal: operands a, b -> strings, booleans. select: condition, a, b -> strings.
// match: s -> booleans: the whole string fits the pattern. parse: s -> numbers; what is no number
// is malformed. format: numbers -> strings, the shortest digits that read back.
Status text(const TextAttributes& a, Context& c);
// Whether a pattern can be used; fails (malformed) saying why not.
Status check_pattern(const std::string& pattern);
// Whether operands and attributes are what it takes.
Status check_text(const TextAttributes& a, const Context& c);
}  // namespace reference

}  // namespace gossamer
