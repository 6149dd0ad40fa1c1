// The kernels of resize on every level that this machine has, against plain loops.
#include "kernels/resize/resize.h"

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

double coordinate(const ResizeStep& s, double in, double out, double scale, double o) {
  switch (s.coordinate) {
    case ResizeCoordinate::half_pixel:
      return (o + 0.5) / scale - 0.5;
    case ResizeCoordinate::half_pixel_symmetric:
      return in / 2 * (1 - out / (scale * in)) + (o + 0.5) / scale - 0.5;
    case ResizeCoordinate::pytorch_half_pixel:
      return scale * in == 1 ? -0.5 : (o + 0.5) / scale - 0.5;
    case ResizeCoordinate::align_corners:
      return scale * in == 1 ? 0 : o * (in - 1) / (scale * in - 1);
    case ResizeCoordinate::asymmetric:
      return o / scale;
    default:
      return (o + 0.5) / scale;
  }
}

double nearest(ResizeNearest rule, double x) {
  if (rule == ResizeNearest::floor) return std::floor(x);
  if (rule == ResizeNearest::ceil) return std::ceil(x);
  return rule == ResizeNearest::round_prefer_ceil ? std::floor(x + 0.5) : std::ceil(x - 0.5);
}

double filter(const ResizeStep& s, double x) {
  x = std::abs(x);
  if (s.mode == ResizeMode::linear) return std::max(0.0, 1 - x);
  const double a = s.cubic_a;
  if (x <= 1) return (a + 2) * x * x * x - (a + 3) * x * x + 1;
  return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

// One axis after the other, in f64.
Strided<double> along(const ResizeStep& s, std::size_t i, const Strided<double>& x,
                      std::int64_t extent) {
  const auto axis = static_cast<std::size_t>(s.axes[i]);
  const auto in = static_cast<double>(x.view.extents[axis]), out = static_cast<double>(extent);
  const double scale = s.scales.empty() ? out / in : s.scales[i];
  if (scale == 1 && in == out) return x;
  Coordinates extents(x.view.extents.begin(), x.view.extents.begin() + x.view.rank);
  extents[axis] = extent;
  Strided<double> y(extents);
  const double shrink = s.antialias ? std::min(1.0, scale) : 1;
  for_each_coordinate(y.view, [&](const Coordinates& at) {
    const double c = coordinate(s, in, out, scale, static_cast<double>(at[axis]));
    Coordinates from = at;
    const auto read = [&](double p) {
      from[axis] = static_cast<std::int64_t>(std::clamp(p, 0.0, in - 1));
      return x[from];
    };
    if (s.mode == ResizeMode::nearest) {
      y[at] = read(nearest(s.nearest, c));
      return;
    }
    double sum = 0, total = 0;
    const double reach = std::ceil(2 / shrink) + 1;
    for (double p = std::floor(c) - reach; p <= c + reach; ++p) {
      const double w = filter(s, (p - c) * shrink);
      if (w == 0 || (s.exclude_outside && (p < 0 || p > in - 1))) continue;
      sum += w * read(p);
      total += w;
    }
    y[at] = s.antialias || s.exclude_outside ? sum / total : sum;
  });
  return y;
}

template <class T>
void check(const ResizeStep& s, const Strided<T>& x, Strided<T> y) {
  Coordinates extents(x.view.extents.begin(), x.view.extents.begin() + x.view.rank);
  Strided<double> now(extents);
  for_each_coordinate(now.view, [&](const Coordinates& at) { now[at] = double(x[at]); });
  for (std::size_t i = 0; i < s.axes.size(); ++i)
    now = along(s, i, now, y.view.extents[static_cast<std::size_t>(s.axes[i])]);
  Strided<T> want = y;
  for_each_coordinate(want.view,
                      [&](const Coordinates& at) { want[at] = static_cast<T>(now[at]); });
  for (Level level : levels_here())
    for (int parts = 1; parts <= 3; ++parts) {
      SCOPED_TRACE(std::string(level_name(level)) + " in " + std::to_string(parts));
      const auto p = prepare(s, {{&x.view, 1}, {&y.view, 1}, level, parts});
      ASSERT_TRUE(p.ok()) << p.status().message();
      std::fill(y.memory.begin(), y.memory.end(), T{77});
      run_shares(**p, {x.address()}, {y.address()}, parts);
      expect_near(y, want, 3e-6);
    }
}

ResizeStep planes(ResizeMode mode) {
  ResizeStep s;
  s.axes = {2, 3};
  s.mode = mode;
  return s;
}

constexpr ResizeMode kModes[] = {ResizeMode::nearest, ResizeMode::linear, ResizeMode::cubic};

TEST(Resize, EveryCoordinateUpAndDown) {
  for (ResizeMode mode : kModes)
    for (int rule = 0; rule < 6; ++rule)
      for (const auto& [h, w] : {std::pair{10, 14}, {20, 28}, {3, 5}, {5, 7}, {8, 1}, {40, 9}})
        for (const std::vector<int>& order : {std::vector<int>{}, {0, 2, 3, 1}}) {
          ResizeStep s = planes(mode);
          s.coordinate = static_cast<ResizeCoordinate>(rule);
          Strided<float> x({2, 5, 5, 7}, order);
          fill_uniform(x, 1);
          check(s, x, Strided<float>({2, 5, h, w}, order));
        }
}

TEST(Resize, RoundingOfNearest) {
  for (int rule = 0; rule < 4; ++rule)
    for (double scale : {0.6, 1.5, 2.0, 2.6}) {
      ResizeStep s = planes(ResizeMode::nearest);
      s.nearest = static_cast<ResizeNearest>(rule);
      s.scales = {scale, scale};
      Strided<float> x({1, 2, 10, 10});
      fill_uniform(x, 2);
      const auto extent = static_cast<std::int64_t>(10 * scale);
      check(s, x, Strided<float>({1, 2, extent, extent}));
      s.coordinate = ResizeCoordinate::asymmetric;
      check(s, x, Strided<float>({1, 2, extent, extent}, {0, 2, 3, 1}));
    }
}

TEST(Resize, AntialiasAndOutside) {
  for (ResizeMode mode : {ResizeMode::linear, ResizeMode::cubic})
    for (bool antialias : {false, true})
      for (bool exclude : {false, true})
        for (std::int64_t extent : {2, 5, 9, 24}) {
          ResizeStep s = planes(mode);
          s.antialias = antialias;
          s.exclude_outside = exclude;
          s.cubic_a = -0.5;
          Strided<float> x({1, 3, 16, 16});
          fill_uniform(x, 3);
          check(s, x, Strided<float>({1, 3, extent, extent}));
        }
}

TEST(Resize, ChannelsOfEveryWidth) {
  for (ResizeMode mode : kModes)
    for (std::int64_t channels : {1, 3, 4, 16, 33, 64}) {
      Strided<float> x({1, channels, 6, 6}, {0, 2, 3, 1}), y({1, channels, 12, 12}, {0, 2, 3, 1});
      fill_uniform(x, 4);
      check(planes(mode), x, y);
    }
}

TEST(Resize, OneAndThreeAxesAndStrangeLayouts) {
  for (ResizeMode mode : kModes) {
    ResizeStep s;
    s.mode = mode;
    s.axes = {1};
    Strided<float> x({3, 7, 4});
    fill_uniform(x, 5);
    check(s, x, Strided<float>({3, 13, 4}));
    check(s, x, Strided<float>({3, 13, 4}, {2, 1, 0}));
    check(s, x, Strided<float>({3, 7, 4}, {2, 1, 0}));
    s.axes = {2, 0, 1};
    check(s, x, Strided<float>({5, 4, 9}));
    check(s, x.flip(1), Strided<float>({5, 4, 9}, {1, 2, 0}, 2).flip(0));
  }
}

TEST(Resize, NearestTakesAnyType) {
  ResizeStep s = planes(ResizeMode::nearest);
  for (const std::vector<int>& order : {std::vector<int>{}, {0, 2, 3, 1}}) {
    Strided<std::uint8_t> x({1, 21, 4, 4}, order);
    fill_uniform(x, 6, 0, 255);
    check(s, x, Strided<std::uint8_t>({1, 21, 8, 8}, order));
    Strided<std::int64_t> z({1, 3, 4, 4}, order);
    fill_uniform(z, 7, 0, 255);
    check(s, z, Strided<std::int64_t>({1, 3, 8, 8}, order));
  }
}

TEST(Resize, WhatWeighsNothingIsNotRead) {
  ResizeStep s = planes(ResizeMode::linear);
  s.coordinate = ResizeCoordinate::align_corners;
  for (const std::vector<int>& order : {std::vector<int>{}, {0, 2, 3, 1}}) {
    Strided<float> x({1, 16, 3, 3}, order);
    fill_uniform(x, 8);
    for (std::int64_t c = 0; c < 16; ++c) x[{0, c, 1, 1}] = std::nanf("");
    check(s, x, Strided<float>({1, 16, 5, 5}, order));
  }
}

TEST(Resize, Refused) {
  ResizeStep s = planes(ResizeMode::linear);
  Strided<float> x({1, 1, 0, 4}), y({1, 1, 2, 8}), z({1, 1, 0, 8});
  EXPECT_EQ(prepare(s, {{&x.view, 1}, {&y.view, 1}, Level::v2, 1}).status().code(),
            Code::malformed);
  check(s, x, z);
  Strided<double> d({1, 1, 4, 4});
  EXPECT_EQ(prepare(s, {{&d.view, 1}, {&d.view, 1}, Level::v2, 1}).status().code(),
            Code::unsupported);
  s.scales = {2};
  EXPECT_EQ(prepare(s, {{&y.view, 1}, {&y.view, 1}, Level::v2, 1}).status().code(), Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
