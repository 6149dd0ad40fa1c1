// CRC-32C, reflected polynomial 0x82F63B78 (Castagnoli, Braeuer, Herrmann 1993).
#include "package/crc32c.h"

#include <array>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace gossamer::package {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = c;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

}  // namespace

std::uint32_t crc32c_by_table(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t c = ~before;
  for (const std::byte b : bytes)
    c = (c >> 8) ^ kTable[(c ^ std::to_integer<std::uint32_t>(b)) & 0xFFU];
  return ~c;
}

#if defined(__SSE4_2__)
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint64_t c = ~before;
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    c = _mm_crc32_u64(c, word);
    bytes = bytes.subspan(8);
  }
  auto narrow = static_cast<std::uint32_t>(c);
  for (const std::byte b : bytes) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(b));
  return ~narrow;
}
#else
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) {
  return crc32c_by_table(bytes, before);
}
#endif

}  // namespace gossamer::package
