// ByteReader: takes little-endian numbers from bytes that nobody vouches for. The first failure
// stays: all that is read after it is zero or empty, so that callers may check once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace gossamer::package {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint8_t u8() {
    if (ok_ && at_ < bytes_.size()) return std::to_integer<std::uint8_t>(bytes_[at_++]);
    fail("ends in the middle");
    return 0;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  double f64();
  // In the shortest form only.
  std::uint64_t varint() {
    // Most numbers are small.
    if (ok_ && at_ < bytes_.size() && std::to_integer<unsigned>(bytes_[at_]) < 0x80)
      return std::to_integer<std::uint64_t>(bytes_[at_++]);
    return long_varint();
  }
  std::int64_t signed_varint();
  std::int32_t i32();  // a signed_varint that fits
  // A count of items that take at least `least` bytes each: never more than the bytes can hold.
  std::size_t count(std::size_t least = 1);
  // A number below `end`.
  std::size_t index(std::size_t end);
  bool boolean();
  std::span<const std::byte> bytes(std::size_t n);

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == bytes_.size(); }
  std::size_t left() const { return bytes_.size() - at_; }
  void fail(std::string_view what);
  // Malformed, naming the byte, or fine.
  Status status(std::string_view where) const;

 private:
  std::uint64_t fixed(std::size_t n);
  std::uint64_t long_varint();

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
  std::string what_;
};

}  // namespace gossamer::package
