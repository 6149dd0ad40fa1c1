// Extents, coordinates and filters of Resize.
#include <algorithm>
#include <array>
#include <cmath>

#include "reference/resize_axis.h"

namespace gossamer {

std::span<const std::string_view> enum_names(ResizeMode) {
  static constexpr std::array<std::string_view, 3> kNames = {"nearest", "linear", "cubic"};
  return kNames;
}
std::span<const std::string_view> enum_names(ResizeCoordinate) {
  static constexpr std::array<std::string_view, 7> kNames = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",  "align_corners",
      "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
  return kNames;
}
std::span<const std::string_view> enum_names(ResizeNearest) {
  static constexpr std::array<std::string_view, 4> kNames = {"round_prefer_floor",
                                                             "round_prefer_ceil", "floor", "ceil"};
  return kNames;
}
std::span<const std::string_view> enum_names(ResizePolicy) {
  static constexpr std::array<std::string_view, 3> kNames = {"stretch", "not_larger",
                                                             "not_smaller"};
  return kNames;
}

Result<std::int64_t> scaled_extent(std::int64_t input, float scale) {
  const float extent = std::floor(static_cast<float>(input) * scale);
  if (!(scale > 0) || !(extent < 0x1p40F))
    return malformed("a scale of " + std::to_string(scale) + " on an extent of " +
                     std::to_string(input));
  return static_cast<std::int64_t>(extent);
}

namespace {

Status check_axis(const ResizeAxis& a) {
  if (a.output < 0 || a.output > (std::int64_t{1} << 40))
    return malformed("a size of " + std::to_string(a.output));
  if (a.input == 0 && a.output > 0) return malformed("an empty axis cannot be resized");
  return {};
}

}  // namespace

Result<std::vector<ResizeAxis>> axes_of_scales(std::span<const std::int64_t> input,
                                               std::span<const float> scales) {
  if (scales.size() != input.size())
    return malformed(std::to_string(scales.size()) + " scales for " + std::to_string(input.size()) +
                     " axes");
  std::vector<ResizeAxis> axes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    ASSIGN(const std::int64_t output, scaled_extent(input[i], scales[i]));
    axes.push_back({input[i], output, double{scales[i]}});
    TRY(check_axis(axes.back()));
  }
  return axes;
}

Result<std::vector<ResizeAxis>> axes_of_sizes(std::span<const std::int64_t> input,
                                              std::span<const std::int64_t> sizes,
                                              ResizePolicy policy) {
  if (sizes.size() != input.size())
    return malformed(std::to_string(sizes.size()) + " sizes for " + std::to_string(input.size()) +
                     " axes");
  std::vector<ResizeAxis> axes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    ResizeAxis a{input[i], sizes[i], 1};
    TRY(check_axis(a));
    if (a.input > 0) a.scale = static_cast<double>(a.output) / static_cast<double>(a.input);
    axes.push_back(a);
  }
  if (policy == ResizePolicy::stretch || axes.empty()) return axes;
  double scale = axes[0].scale;
  for (const ResizeAxis& a : axes)
    scale =
        policy == ResizePolicy::not_larger ? std::min(scale, a.scale) : std::max(scale, a.scale);
  for (ResizeAxis& a : axes) {
    a.scale = scale;
    a.output = static_cast<std::int64_t>(scale * static_cast<double>(a.input) + 0.5);
    TRY(check_axis(a));
  }
  return axes;
}

namespace reference {
namespace {

double coordinate(const ResizeAttributes& a, const ResizeAxis& x, double start, double end,
                  std::int64_t o) {
  const double at = static_cast<double>(o);
  const double input = static_cast<double>(x.input);
  const double output = x.scale * input;  // not rounded
  switch (a.coordinate) {
    case ResizeCoordinate::align_corners:
      return output == 1 ? 0 : at * (input - 1) / (output - 1);
    case ResizeCoordinate::asymmetric:
      return at / x.scale;
    case ResizeCoordinate::tf_crop_and_resize:
      return start * (input - 1) + (output == 1 ? (end - start) * (input - 1) / 2
                                                : at * (end - start) * (input - 1) / (output - 1));
    case ResizeCoordinate::pytorch_half_pixel:
      return output == 1 ? -0.5 : (at + 0.5) / x.scale - 0.5;
    case ResizeCoordinate::half_pixel_symmetric: {
      const double adjustment = static_cast<double>(x.output) / output;
      return input / 2 * (1 - adjustment) + (at + 0.5) / x.scale - 0.5;
    }
    case ResizeCoordinate::tf_half_pixel_for_nn:
      return (at + 0.5) / x.scale;
    case ResizeCoordinate::half_pixel:
      break;
  }
  return (at + 0.5) / x.scale - 0.5;
}

double round_nearest(ResizeNearest rule, double x) {
  switch (rule) {
    case ResizeNearest::floor:
      return std::floor(x);
    case ResizeNearest::ceil:
      return std::ceil(x);
    case ResizeNearest::round_prefer_ceil:
      return std::floor(x + 0.5);
    case ResizeNearest::round_prefer_floor:
      break;
  }
  return std::ceil(x - 0.5);
}

double cubic_weight(double a, double x) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// Half the filter's reach in pixels of x, and the factor that turns distances into its argument.
struct Filter {
  std::int64_t half = 1;
  double shrink = 1;
};

Result<Filter> filter_of(const ResizeAttributes& a, const ResizeAxis& x) {
  Filter f;
  if (a.antialias) f.shrink = std::min(x.scale, 1.0);
  const double reach = (a.mode == ResizeMode::cubic ? 2 : 1) / f.shrink;
  if (!(reach < 0x1p30)) return malformed("a scale of " + std::to_string(x.scale));
  f.half = static_cast<std::int64_t>(std::ceil(reach));
  return f;
}

// Weights of one result at coordinate x; the window's taps are base + 1 - half .. base + half.
void fill_taps(const ResizeAttributes& a, const ResizeAxis& axis, const Filter& f, double x,
               std::int64_t* index, double* weight) {
  const double base = std::ceil(x) - 1, ratio = x - base;  // in (0, 1]
  const std::int64_t taps = 2 * f.half;
  double sum = 0;
  for (std::int64_t i = 0; i < taps; ++i) {
    const double distance = (static_cast<double>(i + 1 - f.half) - ratio) * f.shrink;
    const std::int64_t at = static_cast<std::int64_t>(base) + i + 1 - f.half;
    weight[i] = a.mode == ResizeMode::cubic ? cubic_weight(double{a.cubic_a}, distance)
                                            : std::max(0.0, 1 - std::abs(distance));
    if (a.exclude_outside && (at < 0 || at >= axis.input)) weight[i] = 0;
    index[i] = std::clamp<std::int64_t>(at, 0, axis.input - 1);
    sum += weight[i];
  }
  if ((a.antialias || a.exclude_outside) && sum != 0)
    for (std::int64_t i = 0; i < taps; ++i) weight[i] /= sum;
}

}  // namespace

Result<ResizeTable> resize_table(const ResizeAttributes& a, const ResizeAxis& axis, double start,
                                 double end, Context& c) {
  ResizeTable t;
  Filter f;
  if (a.mode != ResizeMode::nearest) {
    ASSIGN(f, filter_of(a, axis));
    t.taps = 2 * f.half;
  }
  ASSIGN(t.index, c.scratch(DType::i64, Shape{axis.output, t.taps}));
  ASSIGN(t.weight, c.scratch(DType::f64, Shape{axis.output, t.taps}));
  ASSIGN(t.outside, c.scratch(DType::boolean, Shape{axis.output}));
  auto index = t.index.mutable_values<std::int64_t>();
  auto weight = t.weight.mutable_values<double>();
  auto outside = t.outside.mutable_values<bool>();
  const bool crops = a.coordinate == ResizeCoordinate::tf_crop_and_resize;
  const double last = static_cast<double>(axis.input - 1);
  for (std::int64_t o = 0; o < axis.output; ++o) {
    if (o % 1024 == 0) TRY(c.poll());
    double x = coordinate(a, axis, start, end, o);
    if (!std::isfinite(x)) return malformed("a region of interest that is no number");
    outside[static_cast<std::size_t>(o)] = crops && (x < 0 || x > last);
    const std::size_t at = static_cast<std::size_t>(o * t.taps);
    // Far outside all taps read the border.
    const double margin = static_cast<double>(t.taps + 1);
    x = std::clamp(x, -margin, last + margin);
    if (a.mode == ResizeMode::nearest)
      index[at] = static_cast<std::int64_t>(
          std::clamp(round_nearest(a.nearest, x), 0.0, std::max(last, 0.0)));
    else
      fill_taps(a, axis, f, x, &index[at], &weight[at]);
  }
  return t;
}

}  // namespace reference
}  // namespace gossamer
