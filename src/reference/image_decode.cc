// ImageDecode: finds out what kind of file it is and arranges the pixels as asked for.
#include "reference/image_decode.h"

#include <string_view>

#include "reference/image.h"

namespace gossamer::reference {
namespace {

constexpr std::int64_t kMaxPixels = std::int64_t{1} << 26;

bool starts_with(Bytes file, std::string_view magic) {
  if (file.size() < magic.size()) return false;
  for (std::size_t i = 0; i < magic.size(); ++i)
    if (file[i] != static_cast<std::uint8_t>(magic[i])) return false;
  return true;
}

bool decode(Bytes file, Image& image) {
  using namespace std::string_view_literals;
  if (starts_with(file, "\x89PNG"sv)) return decode_png(file, image);
  if (starts_with(file, "\xFF\xD8\xFF"sv)) return decode_jpeg(file, image);
  if (starts_with(file, "BM"sv)) return decode_bmp(file, image);
  if (starts_with(file, "II*\0"sv) || starts_with(file, "MM\0*"sv)) return decode_tiff(file, image);
  if (file.size() > 2 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6')
    return decode_pnm(file, image);
  return false;
}

// Formats that are known, but not read.
Status check_known(Bytes file) {
  using namespace std::string_view_literals;
  if (starts_with(file, "\0\0\0\x0CjP  \r\n\x87\n"sv) || starts_with(file, "\xFF\x4F\xFF\x51"sv))
    return unsupported("JPEG 2000 images are not supported");
  if (starts_with(file, "RIFF"sv) && file.size() >= 12 && starts_with(file.subspan(8), "WEBP"sv))
    return unsupported("WebP images are not supported");
  return {};
}

}  // namespace

bool Image::resize(std::int64_t width, std::int64_t height) {
  const auto count = checked_mul(width, height);
  if (width < 1 || height < 1 || !count) return false;
  if (*count > kMaxPixels) {
    status_ = limit_error("an image of " + std::to_string(width) + "x" + std::to_string(height) +
                          " pixels is too large");
    return false;
  }
  status_ = c_.hold(*count * 3);
  if (!status_.ok()) return false;
  Result<Tensor> t = Tensor::make(DType::u8, Shape{height, width, 3});
  if (!t.ok()) {
    status_ = std::move(t).status();
    return false;
  }
  pixels_ = std::move(t).value();
  width_ = width;
  height_ = height;
  return true;
}

Status image_decode(const ImageDecodeAttributes& a, Context& c) {
  const Bytes file = c.tensor(0).values<std::uint8_t>();
  TRY(check_known(file));
  Image image(c);
  if (!decode(file, image)) image.drop();
  TRY(image.status());
  const std::int64_t channels = a.format == PixelFormat::gray ? 1 : 3;
  ASSIGN(Tensor * out, c.make(0, DType::u8, Shape{image.height(), image.width(), channels}));
  if (out->count() == 0) return {};
  auto y = out->mutable_values<std::uint8_t>();
  const Bytes x = image.pixels().values<std::uint8_t>();
  for (std::size_t p = 0; p * 3 < x.size(); ++p) {
    const std::uint8_t r = x[p * 3], g = x[p * 3 + 1], b = x[p * 3 + 2];
    if (a.format == PixelFormat::gray) {
      // BT.601 weights in 16 bits.
      y[p] = static_cast<std::uint8_t>((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
      continue;
    }
    const bool rgb = a.format == PixelFormat::rgb;
    y[p * 3] = rgb ? r : b;
    y[p * 3 + 1] = g;
    y[p * 3 + 2] = rgb ? b : r;
  }
  return {};
}

}  // namespace gossamer::reference
