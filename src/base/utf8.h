// UTF-8: checking it and turning it into code points and back. Valid is what Unicode calls well
// formed: shortest forms only, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gossamer {

// A Unicode scalar value: not a surrogate, not above U+10FFFF.
constexpr bool is_scalar_value(char32_t c) { return c < 0xD800 || (c > 0xDFFF && c <= 0x10FFFF); }

// Length in bytes of the first code point of `text` and the code point in `out`; 0 when `text` is
// empty or does not begin with valid UTF-8.
std::size_t decode_utf8(std::string_view text, char32_t& out);
bool is_utf8(std::string_view text);
// Nothing when `text` is not valid.
std::optional<std::u32string> utf8_to_utf32(std::string_view text);
// Appends a scalar value.
void append_utf8(std::string& text, char32_t c);

}  // namespace gossamer
