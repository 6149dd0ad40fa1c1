// Resize: separable resampling along some axes.
//
// operand x -> y, whose extents say how large. nearest takes any dtype but string, linear and cubic
// f32. Fast where the axes after the last resized one are contiguous in both (channels last), or
// where the last resized axis has stride 1 in both (planar).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

enum class ResizeMode : std::uint8_t { nearest, linear, cubic };
std::span<const std::string_view> enum_names(ResizeMode);
// How an index of the result becomes a coordinate of x. The names are ONNX's.
enum class ResizeCoordinate : std::uint8_t {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn
};
std::span<const std::string_view> enum_names(ResizeCoordinate);
enum class ResizeNearest : std::uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil };
std::span<const std::string_view> enum_names(ResizeNearest);

struct ResizeStep {
  std::vector<std::int64_t> axes;  // distinct
  // Result per input, one an axis, as coordinates use it; empty: y's extent / x's extent each.
  std::vector<double> scales;
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinate coordinate = ResizeCoordinate::half_pixel;
  ResizeNearest nearest = ResizeNearest::round_prefer_floor;
  double cubic_a = -0.75;
  bool antialias = false;        // linear, cubic: stretch the filter when shrinking
  bool exclude_outside = false;  // taps outside weigh nothing, instead of reading the border
  static constexpr auto kFields =
      std::tuple(field("axes", &ResizeStep::axes), field("scales", &ResizeStep::scales),
                 field("mode", &ResizeStep::mode), field("coordinate", &ResizeStep::coordinate),
                 field("nearest", &ResizeStep::nearest), field("cubic_a", &ResizeStep::cubic_a),
                 field("antialias", &ResizeStep::antialias),
                 field("exclude_outside", &ResizeStep::exclude_outside));
};

// An axis of scale 1 whose extent stays is copied, whatever the rule. Fails with internal on
// operands that contradict the step, with malformed on a scale that is no positive number or an
// empty axis that should grow, and with unsupported on other dtypes.
Result<PreparedPtr> prepare(const ResizeStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
