// PNM: P1 to P6, in text and in binary form.
#include <algorithm>

#include "reference/image.h"

namespace gossamer::reference {
namespace {

bool is_space(std::uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Reader {
 public:
  explicit Reader(Bytes file) : file_(file), at_(2) {}

  // The next number, after white space and comments; nothing when there is none below 2^24.
  bool number(std::int64_t& out) {
    skip();
    std::int64_t value = 0;
    bool any = false;
    for (; at_ < file_.size() && file_[at_] >= '0' && file_[at_] <= '9'; ++at_, any = true) {
      value = value * 10 + (file_[at_] - '0');
      if (value >= 1 << 24) return false;
    }
    out = value;
    return any;
  }

  // One digit 0 or 1, which needs no white space around it.
  bool bit(std::int64_t& out) {
    skip();
    if (at_ >= file_.size() || (file_[at_] != '0' && file_[at_] != '1')) return false;
    out = file_[at_++] - '0';
    return true;
  }

  // What follows the one white space after the header.
  Bytes binary() const {
    return at_ < file_.size() && is_space(file_[at_]) ? file_.subspan(at_ + 1) : Bytes();
  }

 private:
  void skip() {
    while (at_ < file_.size() && (is_space(file_[at_]) || file_[at_] == '#')) {
      if (file_[at_] == '#')
        while (at_ < file_.size() && file_[at_] != '\n') ++at_;
      else
        ++at_;
    }
  }

  Bytes file_;
  std::size_t at_;
};

std::uint8_t scaled(std::int64_t v, std::int64_t most) {
  return static_cast<std::uint8_t>((std::min(v, most) * 255 + most / 2) / most);
}

struct Header {
  int kind = 0;  // 1 to 6
  std::int64_t width = 0, height = 0, most = 1;
  bool bits() const { return kind == 1 || kind == 4; }
  std::int64_t channels() const { return kind == 3 || kind == 6 ? 3 : 1; }
};

bool read_text(Reader& in, const Header& h, Image& image) {
  for (std::int64_t y = 0; y < h.height; ++y) {
    std::uint8_t* row = image.row(y);
    for (std::int64_t i = 0; i < h.width * h.channels(); ++i) {
      std::int64_t v = 0;
      if (!(h.bits() ? in.bit(v) : in.number(v))) return false;
      const std::uint8_t byte = h.bits() ? (v != 0 ? 0 : 255) : scaled(v, h.most);
      if (h.channels() == 3)
        row[i] = byte;
      else
        row[i * 3] = row[i * 3 + 1] = row[i * 3 + 2] = byte;
    }
  }
  return true;
}

void read_binary(Bytes data, const Header& h, Image& image) {
  const std::int64_t size = h.most > 255 ? 2 : 1;
  const std::int64_t values = h.width * h.channels();
  const std::int64_t stride = h.bits() ? (h.width + 7) / 8 : values * size;
  for (std::int64_t y = 0; y < h.height; ++y) {
    const Bytes from = data.subspan(static_cast<std::size_t>(y * stride));
    std::uint8_t* row = image.row(y);
    for (std::int64_t i = 0; i < values; ++i) {
      std::uint8_t byte;
      if (h.bits()) {
        byte = (from[static_cast<std::size_t>(i / 8)] >> (7 - i % 8) & 1) != 0 ? 0 : 255;
      } else {
        std::int64_t v = from[static_cast<std::size_t>(i * size)];
        if (size == 2) v = v << 8 | from[static_cast<std::size_t>(i * size + 1)];
        byte = scaled(v, h.most);
      }
      if (h.channels() == 3)
        row[i] = byte;
      else
        row[i * 3] = row[i * 3 + 1] = row[i * 3 + 2] = byte;
    }
  }
}

}  // namespace

bool decode_pnm(Bytes file, Image& image) {
  Header h;
  h.kind = file[1] - '0';
  Reader in(file);
  if (!in.number(h.width) || !in.number(h.height) || h.width < 1 || h.height < 1) return false;
  if (!h.bits() && (!in.number(h.most) || h.most < 1 || h.most > 65535)) return false;
  // Every value takes at least a byte of the file (a bit where they are packed): checked before
  // there is room for them. Sides are below 2^24, so nothing overflows.
  const std::int64_t row = h.kind == 4 ? (h.width + 7) / 8 : h.width * h.channels();
  const std::int64_t size = h.kind > 4 && h.most > 255 ? 2 : 1;
  const Bytes data = h.kind > 3 ? in.binary() : file;
  if (row * h.height * size > static_cast<std::int64_t>(data.size())) return false;
  if (!image.resize(h.width, h.height)) return false;
  if (h.kind <= 3) return read_text(in, h, image);
  read_binary(data, h, image);
  return true;
}

}  // namespace gossamer::reference
