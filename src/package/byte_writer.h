// ByteWriter: appends little-endian numbers to a growing buffer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gossamer::package {

class ByteWriter {
 public:
  void u8(std::uint8_t v) { out_.push_back(std::byte{v}); }
  void u16(std::uint16_t v) { fixed(v, 2); }
  void u32(std::uint32_t v) { fixed(v, 4); }
  void u64(std::uint64_t v) { fixed(v, 8); }
  void f64(double v) { u64(std::bit_cast<std::uint64_t>(v)); }
  // Seven bits a byte, lowest first, the high bit set on all but the last.
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) u8(static_cast<std::uint8_t>(v | 0x80));
    u8(static_cast<std::uint8_t>(v));
  }
  void count(std::size_t v) { varint(v); }
  // Zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
  void signed_varint(std::int64_t v) {
    varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }
  void bytes(std::span<const std::byte> v) { out_.insert(out_.end(), v.begin(), v.end()); }
  void text(std::string_view v) {
    count(v.size());
    bytes(std::as_bytes(std::span(v)));
  }
  void pad_to(std::size_t alignment) {
    out_.resize((out_.size() + alignment - 1) / alignment * alignment);
  }

  std::size_t size() const { return out_.size(); }
  std::vector<std::byte>& out() { return out_; }

 private:
  void fixed(std::uint64_t v, int size) {
    for (int i = 0; i < size; ++i) u8(static_cast<std::uint8_t>(v >> (8 * i)));
  }

  std::vector<std::byte> out_;
};

}  // namespace gossamer::package
