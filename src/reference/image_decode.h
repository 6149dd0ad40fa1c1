// ImageDecode: turns the bytes of an image file into pixels.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class PixelFormat : std::uint8_t { rgb, bgr, gray };
inline std::span<const std::string_view> enum_names(PixelFormat) {
  static constexpr std::array<std::string_view, 3> kNames{"rgb", "bgr", "gray"};
  return kNames;
}

struct ImageDecodeAttributes {
  PixelFormat format = PixelFormat::rgb;
  static constexpr auto kFields = std::tuple(field("format", &ImageDecodeAttributes::format));
};

namespace reference {
// operand bytes u8[n] of a PNG, JPEG, BMP, PNM or plain TIFF file -> u8[height,width,3 or 1]. What
// cannot be read gives [0,0,3 or 1]; JPEG 2000 and WebP are unsupported.
Status image_decode(const ImageDecodeAttributes& a, Context& c);
// Whether operands and attributes are what it takes.
Status check_image_decode(const ImageDecodeAttributes& a, const Context& c);
}  // namespace reference

}  // namespace gossamer
