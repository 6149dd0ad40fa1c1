// UTF-8 by the table of well-formed sequences.
#include "base/utf8.h"

#include <cassert>
#include <cstdint>

namespace gossamer {

std::size_t decode_utf8(std::string_view text, char32_t& out) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) {
    out = first;
    return 1;
  }
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  char32_t c = first & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    c = c << 6 | (byte(i) & 0x3FU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kLeast[size] || !is_scalar_value(c)) return 0;
  out = c;
  return size;
}

bool is_utf8(std::string_view text) {
  char32_t c = 0;
  while (!text.empty()) {
    const std::size_t size = decode_utf8(text, c);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::optional<std::u32string> utf8_to_utf32(std::string_view text) {
  std::u32string result;
  result.reserve(text.size());
  char32_t c = 0;
  while (!text.empty()) {
    const std::size_t size = decode_utf8(text, c);
    if (size == 0) return std::nullopt;
    result.push_back(c);
    text.remove_prefix(size);
  }
  return result;
}

void append_utf8(std::string& text, char32_t c) {
  assert(is_scalar_value(c));
  const auto put = [&](char32_t bits) { text.push_back(static_cast<char>(bits)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace gossamer
