// Resize: separable resampling along some axes.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class ResizeMode : std::uint8_t { nearest, linear, cubic };
std::span<const std::string_view> enum_names(ResizeMode);
// How an index of the result becomes a coordinate of x. The names are ONNX's.
enum class ResizeCoordinate : std::uint8_t {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_crop_and_resize,
  tf_half_pixel_for_nn  // of opset 11 only
};
std::span<const std::string_view> enum_names(ResizeCoordinate);
enum class ResizeNearest : std::uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };
std::span<const std::string_view> enum_names(ResizeNearest);
// What `sizes` mean: the extents themselves, or bounds that one common scale keeps.
enum class ResizePolicy : std::uint8_t { stretch, not_larger, not_smaller };
std::span<const std::string_view> enum_names(ResizePolicy);

struct ResizeAttributes {
  std::vector<int>
      axes;  // not negative, distinct; the operands have one number each, in this order
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinate coordinate = ResizeCoordinate::half_pixel;
  ResizeNearest nearest = ResizeNearest::round_prefer_floor;
  ResizePolicy policy = ResizePolicy::stretch;
  float cubic_a = -0.75F;
  bool antialias = false;        // linear, cubic: stretch the filter when shrinking
  bool exclude_outside = false;  // taps outside weigh nothing, instead of reading the border
  float extrapolation = 0;       // tf_crop_and_resize: beyond the input
  static constexpr auto kFields = std::tuple(
      field("axes", &ResizeAttributes::axes), field("mode", &ResizeAttributes::mode),
      field("coordinate", &ResizeAttributes::coordinate),
      field("nearest", &ResizeAttributes::nearest), field("policy", &ResizeAttributes::policy),
      field("cubic_a", &ResizeAttributes::cubic_a),
      field("antialias", &ResizeAttributes::antialias),
      field("exclude_outside", &ResizeAttributes::exclude_outside),
      field("extrapolation", &ResizeAttributes::extrapolation));
};

// One axis: extents, and result per input as coordinates use it.
struct ResizeAxis {
  std::int64_t input = 0, output = 0;
  double scale = 1;
};
// floor(input * scale), in f32 as the standard's shape rule has it; malformed when it is no extent.
Result<std::int64_t> scaled_extent(std::int64_t input, float scale);
Result<std::vector<ResizeAxis>> axes_of_scales(std::span<const std::int64_t> input,
                                               std::span<const float> scales);
Result<std::vector<ResizeAxis>> axes_of_sizes(std::span<const std::int64_t> input,
                                              std::span<const std::int64_t> sizes,
                                              ResizePolicy policy);

namespace reference {
// operands x, [scales f32], [sizes i64], [roi: starts, then ends, floats] -> y of x's dtype.
// Exactly one of scales and sizes is given. Weights and sums are f64. nearest takes any dtype, the
// others numbers; integers are rounded towards zero and saturate.
Status resize(const ResizeAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
