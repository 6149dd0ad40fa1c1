// Pictures into tensors: resized, cropped, normalized, laid out as a model wants them.
#include "samples/image.h"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/mapped_file.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "reference/image_decode.h"
#include "reference/resize.h"

namespace gossamer::samples {
namespace {

constexpr std::int64_t kMaxSide = 1 << 16;
constexpr std::int64_t kMaxPixels = std::int64_t{1} << 28;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool is_png(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 &&
         png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, 8) == 0;
}

// The decoder of models drops transparency; this one lays the picture on a background.
Result<Tensor> read_png(std::span<const std::byte> bytes,
                        const std::array<std::uint8_t, 3>& background) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0)
    return malformed(std::string("not a readable PNG: ") + image.message);
  image.format = PNG_FORMAT_RGB;
  if (std::int64_t{image.width} * image.height > kMaxPixels) {
    png_image_free(&image);
    return limit_error("an image of more than 2^28 pixels");
  }
  Result<Tensor> pixels =
      Tensor::make_uninitialized(DType::u8, Shape{image.height, image.width, 3});
  if (!pixels.ok()) {
    png_image_free(&image);
    return pixels;
  }
  const png_color under = {background[0], background[1], background[2]};
  if (png_image_finish_read(&image, &under, pixels->mutable_data(), 0, nullptr) == 0)
    return malformed(std::string("not a readable PNG: ") + image.message);
  return pixels;
}

Result<Tensor> decode(std::span<const std::byte> bytes) {
  const Value file(
      Tensor::borrow(DType::u8, Shape{static_cast<std::int64_t>(bytes.size())}, bytes, nullptr));
  const ImageDecodeAttributes attributes;
  const Value* operand = &file;
  ASSIGN(std::vector<Value> results,
         evaluate_node(kImageDecode, &attributes, std::span(&operand, 1), 1));
  if (results[0].tensor.count() == 0)
    return malformed("not a readable PNG, JPEG, BMP, PNM or TIFF image");
  return std::move(results[0].tensor);
}

ImageSize size_of(const Tensor& pixels) { return {pixels.shape()[0], pixels.shape()[1]}; }

std::optional<ImageSize> wanted_size(const ImageSpec& spec, ImageSize from) {
  if (spec.size) return spec.size;
  if (!spec.shorter_side) return std::nullopt;
  const double scale = static_cast<double>(*spec.shorter_side) /
                       static_cast<double>(std::min(from.height, from.width));
  const auto side = [&](std::int64_t n) {
    return std::max<std::int64_t>(std::llround(static_cast<double>(n) * scale), 1);
  };
  return ImageSize{side(from.height), side(from.width)};
}

// Bilinear, the filter stretched when shrinking; f32 pixels.
Result<Tensor> resized(const Tensor& pixels, ImageSize to) {
  if (to.height > kMaxSide || to.width > kMaxSide)
    return usage_error("images cannot be resized to more than 65536 pixels a side");
  ResizeAttributes a;
  a.axes = {0, 1};
  a.mode = ResizeMode::linear;
  a.antialias = true;
  const Value x(pixels), sizes(Tensor::vector<std::int64_t>({to.height, to.width}));
  const std::array<const Value*, 3> operands = {&x, nullptr, &sizes};
  ASSIGN(std::vector<Value> results, evaluate_node(kResize, &a, operands, 1));
  return std::move(results[0].tensor);
}

Result<Tensor> as_floats(const Tensor& pixels) {
  ASSIGN(Tensor out, Tensor::make_uninitialized(DType::f32, pixels.shape()));
  const auto from = pixels.values<std::uint8_t>();
  std::copy(from.begin(), from.end(), out.mutable_values<float>().begin());
  return out;
}

// How a channel's value comes from a pixel: weights of red, green and blue, then scale and shift.
struct Channel {
  std::array<float, 3> weights{};
  float scale = 1, shift = 0;
};

std::vector<Channel> channels_of(const ImageSpec& spec) {
  std::vector<Channel> out;
  if (spec.channels == ColorOrder::gray) {
    out.push_back({{0.299F, 0.587F, 0.114F}});  // ITU-R BT.601 luma
  } else {
    out = {{{1, 0, 0}}, {{0, 1, 0}}, {{0, 0, 1}}};
    if (spec.channels == ColorOrder::bgr) std::swap(out[0], out[2]);
  }
  const auto pick = [](const std::vector<double>& v, std::size_t c, double none) {
    return v.empty() ? none : v[v.size() == 1 ? 0 : c];
  };
  for (std::size_t c = 0; c < out.size(); ++c) {
    const double deviation = pick(spec.deviation, c, 1);
    out[c].scale = static_cast<float>(spec.scale / deviation);
    out[c].shift = static_cast<float>(-pick(spec.mean, c, 0) / deviation);
  }
  return out;
}

}  // namespace

Result<Tensor> read_image(const std::string& path, const std::array<std::uint8_t, 3>& background) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Tensor> pixels =
      is_png(file.bytes()) ? read_png(file.bytes(), background) : decode(file.bytes());
  if (!pixels.ok()) return std::move(pixels).status().in(path);
  return pixels;
}

Result<Tensor> prepare_image(const Tensor& image, const ImageSpec& spec) {
  ASSIGN(Tensor pixels, as_floats(image));
  const auto to = wanted_size(spec, size_of(pixels));
  if (to && *to != size_of(pixels)) {
    ASSIGN(pixels, resized(pixels, *to));
  }
  const ImageSize whole = size_of(pixels), part = spec.crop.value_or(whole);
  if (part.height > whole.height || part.width > whole.width)
    return usage_error("an image of " + std::to_string(whole.height) + " x " +
                           std::to_string(whole.width) + " pixels is smaller than the crop",
                       "resize it first");
  const std::int64_t top = (whole.height - part.height) / 2, left = (whole.width - part.width) / 2;
  const std::vector<Channel> channels = channels_of(spec);
  const auto count = static_cast<std::int64_t>(channels.size());
  const bool planar = spec.layout == ImageLayout::nchw;
  ASSIGN(Tensor out,
         Tensor::make_uninitialized(DType::f32, planar ? Shape{1, count, part.height, part.width}
                                                       : Shape{1, part.height, part.width, count}));
  const auto from = pixels.values<float>();
  const auto into = out.mutable_values<float>();
  const std::int64_t area = part.height * part.width;
  for (std::int64_t y = 0; y < part.height; ++y)
    for (std::int64_t x = 0; x < part.width; ++x) {
      const float* p = &from[at(((top + y) * whole.width + left + x) * 3)];
      for (std::int64_t c = 0; c < count; ++c) {
        const Channel& channel = channels[at(c)];
        const float v =
            channel.weights[0] * p[0] + channel.weights[1] * p[1] + channel.weights[2] * p[2];
        const std::int64_t place = y * part.width + x;
        into[at(planar ? c * area + place : place * count + c)] = v * channel.scale + channel.shift;
      }
    }
  return out;
}

}  // namespace gossamer::samples
