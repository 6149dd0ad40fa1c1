// BMP: uncompressed bitmaps of 1, 4, 8, 16, 24 and 32 bits.
#include <bit>
#include <cstdlib>

#include "reference/image.h"

namespace gossamer::reference {
namespace {

constexpr std::uint32_t kFileHeader = 14, kInfoHeader = 40;
constexpr std::uint32_t kPlain = 0, kMasks = 3;

struct Bitmap {
  std::uint32_t pixels = 0;   // where they begin
  std::uint32_t palette = 0;  // where it begins
  std::uint32_t colors = 0;   // in the palette
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
  std::uint32_t masks[3] = {};  // of red, green, blue
  std::uint64_t row_bytes() const {
    return (static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(bits) + 31) / 32 * 4;
  }
};

bool read_header(NumberReader& in, Bitmap& b) {
  const std::uint32_t header = in.u32(kFileHeader);
  b.pixels = in.u32(10);
  b.width = in.i32(18);
  const std::int64_t height = in.i32(22);
  b.top_down = height < 0;
  b.height = std::abs(height);
  b.bits = in.u16(28);
  const std::uint32_t compression = in.u32(30);
  b.colors = in.u32(46);
  if (!in.ok() || header < kInfoHeader || b.width < 1 || b.height < 1) return false;
  if (compression != kPlain && !(compression == kMasks && (b.bits == 16 || b.bits == 32)))
    return false;
  if (b.bits == 16) b.masks[0] = 0x7C00, b.masks[1] = 0x3E0, b.masks[2] = 0x1F;
  if (b.bits == 32) b.masks[0] = 0xFF0000, b.masks[1] = 0xFF00, b.masks[2] = 0xFF;
  if (compression == kMasks)
    for (std::uint32_t i = 0; i < 3; ++i)
      b.masks[i] = in.u32(kFileHeader + kInfoHeader + 4 * std::uint64_t{i});
  if (b.bits <= 8) {
    const std::uint32_t all = 1U << b.bits;
    if (b.colors == 0 || b.colors > all) b.colors = all;
    b.palette = kFileHeader + header;
    if (b.palette < header || !in.has(b.palette, std::uint64_t{b.colors} * 4)) return false;
  }
  return in.ok();
}

// The bits under the mask, scaled to 0..255.
std::uint8_t channel(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const std::uint64_t most = mask >> shift;
  return static_cast<std::uint8_t>((std::uint64_t{(pixel & mask) >> shift} * 255 + most / 2) /
                                   most);
}

bool set_pixel(NumberReader& in, const Bitmap& b, std::uint64_t row, std::int64_t x, std::int64_t y,
               Image& image) {
  const auto column = static_cast<std::uint64_t>(x);
  if (b.bits <= 8) {
    const std::uint64_t bit = column * static_cast<std::uint64_t>(b.bits);
    const std::uint32_t shift = 8 - static_cast<std::uint32_t>(b.bits) - (bit % 8);
    const std::uint32_t index = in.u8(row + bit / 8) >> shift & ((1U << b.bits) - 1);
    if (index >= b.colors) return false;
    const std::uint64_t color = b.palette + std::uint64_t{index} * 4;
    image.set(x, y, in.u8(color + 2), in.u8(color + 1), in.u8(color));
  } else if (b.bits == 24) {
    const std::uint64_t at = row + column * 3;
    image.set(x, y, in.u8(at + 2), in.u8(at + 1), in.u8(at));
  } else {
    const std::uint32_t pixel = b.bits == 16 ? in.u16(row + column * 2) : in.u32(row + column * 4);
    image.set(x, y, channel(pixel, b.masks[0]), channel(pixel, b.masks[1]),
              channel(pixel, b.masks[2]));
  }
  return true;
}

}  // namespace

bool decode_bmp(Bytes file, Image& image) {
  NumberReader in(file, false);
  Bitmap b;
  if (!read_header(in, b)) return false;
  if (b.bits != 1 && b.bits != 4 && b.bits != 8 && b.bits != 16 && b.bits != 24 && b.bits != 32)
    return false;
  // Sides have at most 31 bits, rows at most 36: no product overflows.
  const auto height = static_cast<std::uint64_t>(b.height);
  if (b.row_bytes() > file.size() || !in.has(b.pixels, b.row_bytes() * height)) return false;
  if (!image.resize(b.width, b.height)) return false;
  for (std::int64_t y = 0; y < b.height; ++y) {
    const std::int64_t stored = b.top_down ? y : b.height - 1 - y;
    const std::uint64_t row = b.pixels + static_cast<std::uint64_t>(stored) * b.row_bytes();
    for (std::int64_t x = 0; x < b.width; ++x)
      if (!set_pixel(in, b, row, x, y, image)) return false;
  }
  return in.ok();
}

}  // namespace gossamer::reference
