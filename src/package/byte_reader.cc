// Checked reading of little-endian numbers.
#include "package/byte_reader.h"

#include <bit>
#include <limits>

namespace gossamer::package {

void ByteReader::fail(std::string_view what) {
  if (!ok_) return;
  ok_ = false;
  what_ = what;
}

Status ByteReader::status(std::string_view where) const {
  if (ok_) return {};
  return malformed(std::string(where) + ", byte " + std::to_string(at_) + ": " + what_);
}

std::span<const std::byte> ByteReader::bytes(std::size_t n) {
  if (ok_ && n > left()) fail("ends in the middle");
  if (!ok_) return {};
  at_ += n;
  return bytes_.subspan(at_ - n, n);
}

std::uint64_t ByteReader::fixed(std::size_t n) {
  const auto from = bytes(n);
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < from.size(); ++i)
    v |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return v;
}

double ByteReader::f64() { return std::bit_cast<double>(u64()); }

std::uint64_t ByteReader::long_varint() {
  std::uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t b = u8();
    if (shift == 63 && b > 1) break;
    v |= (b & 0x7F) << shift;
    if (b < 0x80) {
      if (b == 0 && shift > 0) fail("a number is longer than it needs to be");
      return ok_ ? v : 0;
    }
  }
  fail("a number is beyond 64 bits");
  return 0;
}

std::int64_t ByteReader::signed_varint() {
  const std::uint64_t v = varint();
  return static_cast<std::int64_t>((v >> 1) ^ (~(v & 1) + 1));
}

std::int32_t ByteReader::i32() {
  const std::int64_t v = signed_varint();
  if (v < std::numeric_limits<std::int32_t>::min() || v > std::numeric_limits<std::int32_t>::max())
    fail("a number is beyond 32 bits");
  return ok_ ? static_cast<std::int32_t>(v) : 0;
}

std::size_t ByteReader::count(std::size_t least) {
  const std::uint64_t v = varint();
  if (v > left() / least) fail("a count of " + std::to_string(v) + " is more than the bytes hold");
  return ok_ ? static_cast<std::size_t>(v) : 0;
}

std::size_t ByteReader::index(std::size_t end) {
  const std::uint64_t v = varint();
  if (v >= end) fail("index " + std::to_string(v) + " is not below " + std::to_string(end));
  return ok_ ? static_cast<std::size_t>(v) : 0;
}

bool ByteReader::boolean() {
  const std::uint8_t v = u8();
  if (v > 1) fail("a flag is neither 0 nor 1");
  return ok_ && v == 1;
}

}  // namespace gossamer::package
