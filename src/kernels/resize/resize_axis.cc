// Coordinates and filters of Resize, in f64 as the standard's own.
#include "kernels/resize/resize_axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace gossamer::kernels {

std::span<const std::string_view> enum_names(ResizeMode) {
  static constexpr std::array<std::string_view, 3> kNames = {"nearest", "linear", "cubic"};
  return kNames;
}
std::span<const std::string_view> enum_names(ResizeCoordinate) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
      "align_corners", "asymmetric",           "tf_half_pixel_for_nn"};
  return kNames;
}
std::span<const std::string_view> enum_names(ResizeNearest) {
  static constexpr std::array<std::string_view, 4> kNames = {"round_prefer_floor",
                                                             "round_prefer_ceil", "floor", "ceil"};
  return kNames;
}

namespace {

// Where result o reads in x.
double coordinate(ResizeCoordinate rule, const ResizeAxis& a, double scale, std::int64_t o) {
  const auto at = static_cast<double>(o), input = static_cast<double>(a.input);
  const double output = scale * input;  // not rounded
  switch (rule) {
    case ResizeCoordinate::align_corners:
      return output == 1 ? 0 : at * (input - 1) / (output - 1);
    case ResizeCoordinate::asymmetric:
      return at / scale;
    case ResizeCoordinate::pytorch_half_pixel:
      return output == 1 ? -0.5 : (at + 0.5) / scale - 0.5;
    case ResizeCoordinate::half_pixel_symmetric: {
      const double adjustment = static_cast<double>(a.output) / output;
      return input / 2 * (1 - adjustment) + (at + 0.5) / scale - 0.5;
    }
    case ResizeCoordinate::tf_half_pixel_for_nn:
      return (at + 0.5) / scale;
    case ResizeCoordinate::half_pixel:
      break;
  }
  return (at + 0.5) / scale - 0.5;
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

// Keys, "Cubic convolution interpolation for digital image processing" (1981).
double cubic_weight(double a, double x) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// The `weights` of one result at coordinate x; the taps are ceil(x) - half .. ceil(x) - 1 + half.
void fill_taps(const ResizeStep& s, double shrink, double x, ResizeAxis& a, std::size_t at,
               std::vector<double>& weights) {
  const std::int64_t half = a.taps / 2;
  const double base = std::ceil(x) - 1, ratio = x - base;  // in (0, 1]
  double sum = 0;
  for (std::int64_t i = 0; i < a.taps; ++i) {
    const double distance = (static_cast<double>(i + 1 - half) - ratio) * shrink;
    const std::int64_t from = static_cast<std::int64_t>(base) + i + 1 - half;
    double& w = weights[static_cast<std::size_t>(i)];
    w = s.mode == ResizeMode::cubic ? cubic_weight(s.cubic_a, distance)
                                    : std::max(0.0, 1 - std::abs(distance));
    if (s.exclude_outside && (from < 0 || from >= a.input)) w = 0;
    a.index[at + static_cast<std::size_t>(i)] = std::clamp<std::int64_t>(from, 0, a.input - 1);
    sum += w;
  }
  const bool norm = (s.antialias || s.exclude_outside) && sum != 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    a.weight[at + i] = static_cast<float>(norm ? weights[i] / sum : weights[i]);
}

}  // namespace

Status fill_table(const ResizeStep& s, double scale, ResizeAxis& a) {
  constexpr double kMostTaps = 1 << 28;  // of an axis's table
  double shrink = 1;
  a.taps = 1;
  if (s.mode != ResizeMode::nearest) {
    if (s.antialias) shrink = std::min(scale, 1.0);
    const double half = std::ceil((s.mode == ResizeMode::cubic ? 2 : 1) / shrink);
    if (!(2 * half * static_cast<double>(a.output) < kMostTaps))
      return limit_error("resize: a scale of " + std::to_string(scale));
    a.taps = 2 * static_cast<std::int64_t>(half);
  }
  const auto outputs = static_cast<std::size_t>(a.output), taps = static_cast<std::size_t>(a.taps);
  a.index.resize(outputs * taps);
  if (s.mode != ResizeMode::nearest) a.weight.resize(outputs * taps);
  std::vector<double> weights(taps);  // of one result
  const double last = static_cast<double>(a.input - 1);
  const double margin = static_cast<double>(a.taps + 1);  // farther out all taps read the border
  for (std::size_t o = 0; o < outputs; ++o) {
    double x = coordinate(s.coordinate, a, scale, static_cast<std::int64_t>(o));
    if (!std::isfinite(x)) return malformed("resize: a scale of " + std::to_string(scale));
    x = std::clamp(x, -margin, last + margin);
    if (s.mode == ResizeMode::nearest)
      a.index[o] = static_cast<std::int64_t>(
          std::clamp(round_nearest(s.nearest, x), 0.0, std::max(last, 0.0)));
    else
      fill_taps(s, shrink, x, a, o * taps, weights);
  }
  return {};
}

}  // namespace gossamer::kernels
