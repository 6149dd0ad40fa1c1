// Pixels while a file is decoded, and the decoders: each gives Status (a refusal of memory) and
// leaves the image empty when the bytes cannot be read.
#pragma once

#include <cstdint>
#include <span>

#include "base/context.h"

namespace gossamer::reference {

using Bytes = std::span<const std::uint8_t>;

// An image of 8-bit RGB pixels, row by row.
class Image {
 public:
  explicit Image(Context& c) : c_(c) {}

  // Makes room. False with a fine status(): no such size, treat the file as unreadable.
  bool resize(std::int64_t width, std::int64_t height);
  // Forgets the pixels: the file cannot be read after all.
  void drop() { width_ = height_ = 0; }

  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  // The first byte of row y; there are 3*width of them.
  std::uint8_t* row(std::int64_t y) {
    return pixels_.mutable_values<std::uint8_t>().data() + y * width_ * 3;
  }
  void set(std::int64_t x, std::int64_t y, std::uint8_t r, std::uint8_t g, std::uint8_t b) {
    std::uint8_t* p = row(y) + x * 3;
    p[0] = r, p[1] = g, p[2] = b;
  }
  const Tensor& pixels() const { return pixels_; }
  const Status& status() const { return status_; }

 private:
  Context& c_;
  Tensor pixels_;
  std::int64_t width_ = 0, height_ = 0;
  Status status_;
};

// Each returns whether the image was read completely.
bool decode_png(Bytes file, Image& image);
bool decode_jpeg(Bytes file, Image& image);
bool decode_bmp(Bytes file, Image& image);
bool decode_pnm(Bytes file, Image& image);
bool decode_tiff(Bytes file, Image& image);

// Numbers at places of a file in either byte order; one outside gives 0 and makes ok() false.
class NumberReader {
 public:
  NumberReader(Bytes file, bool big_endian) : file_(file), big_(big_endian) {}

  bool ok() const { return ok_; }
  Bytes file() const { return file_; }
  // Whether `count` bytes from `at` on are there.
  bool has(std::uint64_t at, std::uint64_t count) const {
    return at <= file_.size() && count <= file_.size() - at;
  }
  std::uint8_t u8(std::uint64_t at) { return static_cast<std::uint8_t>(number(at, 1)); }
  std::uint16_t u16(std::uint64_t at) { return static_cast<std::uint16_t>(number(at, 2)); }
  std::uint32_t u32(std::uint64_t at) { return number(at, 4); }
  std::int32_t i32(std::uint64_t at) { return static_cast<std::int32_t>(u32(at)); }

 private:
  std::uint32_t number(std::uint64_t at, std::uint32_t size) {
    ok_ = ok_ && has(at, size);
    if (!ok_) return 0;
    std::uint32_t v = 0;
    for (std::uint32_t i = 0; i < size; ++i)
      v = v << 8 | file_[static_cast<std::size_t>(at + (big_ ? i : size - 1 - i))];
    return v;
  }

  Bytes file_;
  bool big_;
  bool ok_ = true;
};

}  // namespace gossamer::reference
