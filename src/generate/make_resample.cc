// Random resampling of planes: Resize, Sample.
#include <algorithm>
#include <cmath>

#include "generate/maker.h"
#include "reference/resize.h"
#include "reference/sample.h"

namespace gossamer::generate {
namespace {

// Engines compute coordinates and weights in f32, whatever the planes are.
constexpr double kCoordinateError = 4e-6;

// Weighted means whose weights, without their signs, sum up to `total`.
Range resampled(Maker& m, const Known& x, double total) {
  const double top = x.range.magnitude() * total;
  return {-top, top, total * x.range.error + top * (32 * half_ulp(m.dtype(x)) + kCoordinateError)};
}

// Of scales one that makes a whole number of n elements: engines differ about the rest.
float whole_scale(Maker& m, std::int64_t n, const std::vector<float>& scales) {
  const float scale = m.dice().pick(scales);
  const float made = scale * static_cast<float>(n);
  return made == std::floor(made) ? scale : 2;
}

}  // namespace

Status make_resize(Maker& m) {
  ASSIGN(const Known x, m.floats(3, 4, 2, 32));
  Dice& dice = m.dice();
  ResizeAttributes a;
  static const std::vector<ResizeMode> kModes = {ResizeMode::nearest, ResizeMode::linear,
                                                 ResizeMode::linear, ResizeMode::cubic};
  static const std::vector<ResizeCoordinate> kCoordinates = {
      ResizeCoordinate::half_pixel, ResizeCoordinate::asymmetric,
      ResizeCoordinate::pytorch_half_pixel, ResizeCoordinate::align_corners};
  a.mode = dice.pick(kModes);
  if (m.rank(x) != 4 && a.mode == ResizeMode::cubic) a.mode = ResizeMode::linear;
  a.coordinate = dice.pick(kCoordinates);
  const bool nearest = a.mode == ResizeMode::nearest;
  if (nearest && a.coordinate == ResizeCoordinate::align_corners)
    a.coordinate = ResizeCoordinate::asymmetric;
  if (nearest && dice.chance(40)) a.nearest = ResizeNearest::floor;
  a.antialias = !nearest && dice.chance(20);
  a.exclude_outside = a.mode == ResizeMode::cubic && dice.chance(20);
  std::vector<float> scales;
  std::vector<std::int64_t> sizes;
  bool single = false;
  for (int axis = 2; axis < m.rank(x); ++axis) {
    const std::int64_t n = *m.extent(x, axis);
    a.axes.push_back(axis);
    // Nearest elements want coordinates that every engine rounds alike.
    scales.push_back(nearest ? whole_scale(m, n, {1, 2, 2, 4, 0.5F})
                             : whole_scale(m, n, {0.5F, 1, 1.25F, 1.5F, 2, 3}));
    const auto scaled = static_cast<std::int64_t>(static_cast<float>(n) * scales.back());
    sizes.push_back(nearest ? scaled : dice.between(1, 7));
    single = single || scaled == 1 || sizes.back() == 1;
  }
  if (single && a.coordinate == ResizeCoordinate::pytorch_half_pixel)
    a.coordinate = ResizeCoordinate::half_pixel;
  std::vector<ValueId> operands{x.id};
  const auto count = static_cast<std::int64_t>(scales.size());
  if (dice.chance(50)) {
    operands.push_back(m.build().constant(Tensor::of<float>(Shape{count}, scales)));
  } else {
    operands.push_back(kNoValue);
    operands.push_back(m.ints(DType::i64, Shape{count}, sizes).id);
  }
  const Range range = nearest ? x.range : resampled(m, x, a.mode == ResizeMode::cubic ? 2.5 : 1);
  if (!m.allowed(m.dtype(x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kResize, a, operands));
  m.offer(y, range);
  return {};
}

Status make_sample(Maker& m) {
  ASSIGN(const Known x, m.floats(4, 4, 0, 32));
  Dice& dice = m.dice();
  SampleAttributes a;
  static const std::vector<SampleOutside> kOutside = {SampleOutside::zero, SampleOutside::border,
                                                      SampleOutside::reflect};
  a.mode = dice.chance(70) ? SampleMode::linear : SampleMode::cubic;
  a.outside = dice.pick(kOutside);
  if (a.outside == SampleOutside::border) a.mode = SampleMode::linear;  // engines differ
  a.centers = dice.chance(50);
  const Shape points{*m.extent(x, 0), dice.between(1, 4), dice.between(1, 4), 2};
  const Known at = m.weights(DType::f32, points, 4);
  Range range = resampled(m, x, a.mode == SampleMode::cubic ? 4 : 1);
  range.error += 8 * kCoordinateError * x.range.magnitude();  // points take a detour in ONNX
  if (!m.allowed(m.dtype(x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kSample, a, {x.id, at.id}));
  m.offer(y, range);
  return {};
}

}  // namespace gossamer::generate
