// Sample, point by point: the taps of each axis once, then all channels.
#include "reference/sample.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "reference/accumulate.h"

namespace gossamer {

std::span<const std::string_view> enum_names(SampleMode) {
  static constexpr std::array<std::string_view, 3> kNames = {"nearest", "linear", "cubic"};
  return kNames;
}
std::span<const std::string_view> enum_names(SampleOutside) {
  static constexpr std::array<std::string_view, 3> kNames = {"zero", "border", "reflect"};
  return kNames;
}

namespace reference {
namespace {

constexpr double kCubicA = -0.75;
constexpr double kFar = 0x1p40;

struct Taps {
  int count = 1;
  std::array<std::int64_t, 4> index{};  // -1: outside, reads zero
  std::array<double, 4> weight{1};
};

double reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  double offset = std::fmod(std::abs(x - low), 2 * range);
  if (offset > range) offset = 2 * range - offset;
  return low + offset;
}

class AxisSampler {
 public:
  AxisSampler(const SampleAttributes& a, std::int64_t extent)
      : a_(a),
        extent_(extent),
        low_(a.centers ? 0 : -0.5),
        high_(static_cast<double>(extent) - (a.centers ? 1 : 0.5)) {}

  Taps taps(double x) const {
    if (a_.mode == SampleMode::nearest) x = std::nearbyint(x);
    if (x < low_ || x > high_) x = moved_inside(x);
    if (!(std::abs(x) < kFar)) return nothing();
    Taps t;
    const double base = std::floor(x), ratio = x - base;
    const auto first = static_cast<std::int64_t>(base);
    if (a_.mode == SampleMode::nearest) {
      t.index[0] = pixel(static_cast<std::int64_t>(x));
    } else if (a_.mode == SampleMode::linear) {
      t.count = 2;
      t.weight = {1 - ratio, ratio};
      t.index = {pixel(first), pixel(first + 1)};
    } else {
      t.count = 4;
      t.weight = {far(ratio + 1), near(ratio), near(1 - ratio), far(2 - ratio)};
      for (std::int64_t i = 0; i < 4; ++i)
        t.index[static_cast<std::size_t>(i)] = pixel(first - 1 + i);
    }
    return t;
  }

 private:
  double moved_inside(double x) const {
    if (a_.outside == SampleOutside::border)
      return std::clamp(x, 0.0, static_cast<double>(extent_ - 1));
    if (a_.outside == SampleOutside::reflect) return reflect(x, low_, high_);
    return x;
  }

  std::int64_t pixel(std::int64_t i) const {
    if (i >= 0 && i < extent_) return i;
    if (a_.outside == SampleOutside::zero) return -1;
    if (a_.outside == SampleOutside::border) return std::clamp<std::int64_t>(i, 0, extent_ - 1);
    const auto at = static_cast<std::int64_t>(reflect(static_cast<double>(i), low_, high_));
    return std::clamp<std::int64_t>(at, 0, extent_ - 1);
  }

  Taps nothing() const {
    Taps t;
    t.index[0] = a_.outside == SampleOutside::zero ? -1 : 0;
    return t;
  }

  // The cubic convolution kernel within one pixel, and between one and two.
  static double near(double x) { return ((kCubicA + 2) * x - (kCubicA + 3)) * x * x + 1; }
  static double far(double x) {
    return ((kCubicA * x - 5 * kCubicA) * x + 8 * kCubicA) * x - 4 * kCubicA;
  }

  const SampleAttributes& a_;
  std::int64_t extent_;
  double low_, high_;
};

struct Layout {
  std::int64_t batch = 0, channels = 0, points = 0, plane = 0;
  std::vector<AxisSampler> axes;
  std::vector<std::int64_t> strides;  // of a plane
  Shape result;
};

Result<Layout> layout_of(const SampleAttributes& a, const Shape& x, const Shape& at) {
  const int rank = x.rank() - 2;
  if (rank < 1 || at.rank() < 2 || at[0] != x[0] || at[at.rank() - 1] != rank)
    return malformed("points of shape " + at.to_string() + " do not fit x of shape " +
                     x.to_string());
  Layout l;
  l.batch = x[0];
  l.channels = x[1];
  l.plane = x.count(2, x.rank());
  l.points = at.count(1, at.rank() - 1);
  l.result = Shape{x[0], x[1]};
  for (int i = 1; i + 1 < at.rank(); ++i) l.result.dims().push_back(at[i]);
  std::int64_t stride = 1;
  for (int i = x.rank() - 1; i >= 2; --i) {
    l.strides.insert(l.strides.begin(), stride);
    stride *= x[i];
  }
  for (int i = 2; i < x.rank(); ++i) l.axes.emplace_back(a, x[i]);
  return l;
}

// One point's taps over all axes: offsets into a plane and weights; outside taps are left out.
struct Stencil {
  std::vector<std::int64_t> offset;
  std::vector<double> weight;

  void build(const Layout& l, const double* at) {
    offset.assign(1, 0);
    weight.assign(1, 1);
    for (std::size_t d = 0; d < l.axes.size(); ++d) {
      const Taps t = l.axes[d].taps(at[d]);
      const std::size_t before = offset.size();
      for (std::size_t i = 0; i < before; ++i)
        for (int k = 0; k < t.count; ++k) {
          const std::int64_t index = t.index[static_cast<std::size_t>(k)];
          const double w = t.weight[static_cast<std::size_t>(k)];
          if (index < 0 || w == 0) continue;
          offset.push_back(offset[i] + index * l.strides[d]);
          weight.push_back(weight[i] * w);
        }
      offset.erase(offset.begin(), offset.begin() + static_cast<std::ptrdiff_t>(before));
      weight.erase(weight.begin(), weight.begin() + static_cast<std::ptrdiff_t>(before));
    }
  }
};

// Calls point(batch, point, stencil) for all points.
template <class F>
Status for_points(const Layout& l, const Tensor& at, Context& c, F&& point) {
  const std::size_t rank = l.axes.size();
  auto coordinates = at.values<double>();
  Stencil stencil;
  for (std::int64_t n = 0; n < l.batch; ++n) {
    for (std::int64_t p = 0; p < l.points; ++p) {
      if (p % 1024 == 0) TRY(c.poll());
      stencil.build(l, coordinates.data() + static_cast<std::size_t>(n * l.points + p) * rank);
      point(n, p, stencil);
    }
  }
  return {};
}

template <class T>
Status pick(const Layout& l, const Tensor& x, const Tensor& at, Tensor& y, Context& c) {
  auto in = x.values<T>();
  auto out = y.mutable_values<T>();
  return for_points(l, at, c, [&](std::int64_t n, std::int64_t p, const Stencil& s) {
    for (std::int64_t ch = n * l.channels; ch < (n + 1) * l.channels; ++ch)
      out[static_cast<std::size_t>(ch * l.points + p)] =
          s.offset.empty() ? T{} : in[static_cast<std::size_t>(ch * l.plane + s.offset[0])];
  });
}

Status blend(const Layout& l, const Tensor& x, const Tensor& at, Tensor& y, Context& c) {
  auto in = x.values<double>();
  auto out = y.mutable_values<double>();
  return for_points(l, at, c, [&](std::int64_t n, std::int64_t p, const Stencil& s) {
    for (std::int64_t ch = n * l.channels; ch < (n + 1) * l.channels; ++ch) {
      double sum = 0;
      for (std::size_t i = 0; i < s.offset.size(); ++i)
        sum += s.weight[i] * in[static_cast<std::size_t>(ch * l.plane + s.offset[i])];
      out[static_cast<std::size_t>(ch * l.points + p)] = sum;
    }
  });
}

}  // namespace

Status sample(const SampleAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  ASSIGN(const Layout l, layout_of(a, x.shape(), c.tensor(1).shape()));
  ASSIGN(Tensor * y, c.make(0, x.dtype(), l.result));
  if (y->count() == 0) return {};
  if (l.plane == 0 && a.outside != SampleOutside::zero)
    return malformed("cannot sample an empty plane");
  ASSIGN(const Tensor at, widened(c.tensor(1), DType::f64));
  if (a.mode == SampleMode::nearest)
    return visit_storage(
        x.dtype(), [&](auto tag) { return pick<typename decltype(tag)::type>(l, x, at, *y, c); });
  ASSIGN(const Tensor wide, widened(x, DType::f64));
  ASSIGN(Tensor sums, Tensor::make_uninitialized(DType::f64, l.result));
  TRY(blend(l, wide, at, sums, c));
  if (is_arithmetic_float(x.dtype()))
    narrow(sums, *y);
  else
    saturate(sums, *y);
  return {};
}

}  // namespace reference
}  // namespace gossamer
