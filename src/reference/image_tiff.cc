// TIFF: the first image of a file, in uncompressed strips of 8-bit gray, palette or RGB pixels.
#include <algorithm>
#include <vector>

#include "reference/image.h"

namespace gossamer::reference {
namespace {

enum Tag : std::uint16_t {
  kWidth = 256,
  kHeight = 257,
  kBits = 258,
  kCompression = 259,
  kPhotometric = 262,
  kStripOffsets = 273,
  kSamples = 277,
  kRowsPerStrip = 278,
  kPlanar = 284,
  kColorMap = 320,
};
enum Photometric : std::uint32_t { kWhiteIsZero = 0, kBlackIsZero = 1, kRgb = 2, kPalette = 3 };

struct Directory {
  std::uint32_t width = 0, height = 0, compression = 1, photometric = kBlackIsZero;
  std::uint32_t samples = 1, rows_per_strip = 0, planar = 1;
  std::vector<std::uint32_t> bits{1}, offsets, colors;
};

// The numbers of the entry at `at`: 8-, 16- or 32-bit unsigned ones.
bool entry_values(NumberReader& in, std::uint64_t at, std::vector<std::uint32_t>& out) {
  const std::uint16_t type = in.u16(at + 2);
  const std::uint32_t count = in.u32(at + 4);
  const std::uint32_t size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
  if (!in.ok() || size == 0 || count == 0) return false;
  const std::uint64_t bytes = std::uint64_t{count} * size;
  const std::uint64_t first = bytes <= 4 ? at + 8 : in.u32(at + 8);
  if (!in.has(first, bytes)) return false;
  out.clear();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t place = first + i * size;
    out.push_back(size == 1 ? in.u8(place) : size == 2 ? in.u16(place) : in.u32(place));
  }
  return in.ok();
}

std::uint32_t* single(Directory& d, std::uint16_t tag) {
  switch (tag) {
    case kWidth:
      return &d.width;
    case kHeight:
      return &d.height;
    case kCompression:
      return &d.compression;
    case kPhotometric:
      return &d.photometric;
    case kSamples:
      return &d.samples;
    case kRowsPerStrip:
      return &d.rows_per_strip;
    case kPlanar:
      return &d.planar;
    default:
      return nullptr;
  }
}

bool read_directory(NumberReader& in, Directory& d) {
  const std::uint64_t start = in.u32(4);
  const std::uint16_t entries = in.u16(start);
  std::vector<std::uint32_t> values;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t at = start + 2 + i * 12;
    const std::uint16_t tag = in.u16(at);
    std::uint32_t* one = single(d, tag);
    if (one == nullptr && tag != kBits && tag != kStripOffsets && tag != kColorMap) continue;
    if (!entry_values(in, at, values)) return false;
    if (one != nullptr) *one = values[0];
    if (tag == kBits) d.bits = values;
    if (tag == kStripOffsets) d.offsets = values;
    if (tag == kColorMap) d.colors = values;
  }
  return in.ok();
}

bool is_plain(const Directory& d) {
  if (d.compression != 1 || (d.planar != 1 && d.samples != 1)) return false;
  if (std::any_of(d.bits.begin(), d.bits.end(), [](std::uint32_t b) { return b != 8; }))
    return false;
  if (d.photometric == kRgb) return d.samples == 3 || d.samples == 4;
  if (d.photometric == kPalette) return d.samples == 1 && d.colors.size() == 3 * 256;
  return d.photometric <= kBlackIsZero && (d.samples == 1 || d.samples == 2);
}

void set_row(NumberReader& in, const Directory& d, std::uint64_t from, std::int64_t y,
             Image& image) {
  for (std::int64_t x = 0; x < image.width(); ++x) {
    const std::uint64_t at = from + static_cast<std::uint64_t>(x) * d.samples;
    const std::uint8_t v = in.u8(at);
    if (d.photometric == kRgb) {
      image.set(x, y, v, in.u8(at + 1), in.u8(at + 2));
    } else if (d.photometric == kPalette) {
      const auto part = [&](std::size_t k) {
        return static_cast<std::uint8_t>(d.colors[k * 256 + v] >> 8);
      };
      image.set(x, y, part(0), part(1), part(2));
    } else {
      const auto gray = static_cast<std::uint8_t>(d.photometric == kWhiteIsZero ? 255 - v : v);
      image.set(x, y, gray, gray, gray);
    }
  }
}

}  // namespace

bool decode_tiff(Bytes file, Image& image) {
  NumberReader in(file, file[0] == 'M');
  Directory d;
  if (!read_directory(in, d) || !is_plain(d) || d.offsets.empty()) return false;
  if (d.width == 0 || d.height == 0 || d.width > file.size() || d.height > file.size())
    return false;
  const std::uint64_t row = std::uint64_t{d.width} * d.samples;
  if (row > file.size() || row * d.height > file.size()) return false;
  if (d.rows_per_strip == 0 || d.rows_per_strip > d.height) d.rows_per_strip = d.height;
  if ((d.height - 1) / d.rows_per_strip >= d.offsets.size()) return false;
  if (!image.resize(d.width, d.height)) return false;
  for (std::uint32_t y = 0; y < d.height; ++y) {
    const std::uint64_t strip = d.offsets[y / d.rows_per_strip];
    const std::uint64_t from = strip + std::uint64_t{y % d.rows_per_strip} * row;
    if (!in.has(from, row)) return false;
    set_row(in, d, from, y, image);
  }
  return in.ok();
}

}  // namespace gossamer::reference
