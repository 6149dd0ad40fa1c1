// Resize, one axis after the other.
#include "reference/resize.h"

#include <cmath>
#include <optional>

#include "reference/accumulate.h"
#include "reference/resize_axis.h"

namespace gossamer::reference {
namespace {

Result<std::vector<ResizeAxis>> resolve(const ResizeAttributes& a, Context& c) {
  const Shape& x = c.tensor(0).shape();
  std::vector<std::int64_t> input;
  for (int axis : a.axes) {
    if (axis < 0 || axis >= x.rank()) return malformed("axis out of range");
    input.push_back(x[axis]);
  }
  if (c.has(1) == c.has(2)) return malformed("needs either scales or sizes");
  if (c.has(1)) return axes_of_scales(input, c.tensor(1).values<float>());
  return axes_of_sizes(input, c.tensor(2).values<std::int64_t>(), a.policy);
}

Result<std::vector<double>> region_of(const ResizeAttributes& a, Context& c) {
  std::vector<double> roi(2 * a.axes.size(), 0);
  std::fill(roi.begin() + static_cast<std::ptrdiff_t>(a.axes.size()), roi.end(), 1);
  if (a.coordinate != ResizeCoordinate::tf_crop_and_resize) return roi;
  if (!c.has(3)) return malformed("tf_crop_and_resize needs a region of interest");
  ASSIGN(std::vector<double> given, to_doubles(c.tensor(3)));
  if (given.size() != roi.size())
    return malformed("a region of interest of " + std::to_string(given.size()) + " numbers for " +
                     std::to_string(a.axes.size()) + " axes");
  return given;
}

// Extents around one axis of a row-major tensor.
struct Around {
  std::int64_t outer = 1, inner = 1;
};

// The extrapolation value as an element, where the dtype has one.
template <class T>
T element_of(DType dtype, double value) {
  Result<Tensor> wide = Tensor::make(DType::f64, Shape{});
  Result<Tensor> narrow_value = Tensor::make(dtype, Shape{});
  if (!wide.ok() || !narrow_value.ok()) return T{};
  wide->mutable_values<double>()[0] = value;
  if (is_arithmetic_float(dtype)) narrow(*wide, *narrow_value);
  return narrow_value->values<T>()[0];
}

template <class T>
void pick(std::span<const T> x, std::span<T> y, const ResizeTable& t, const ResizeAxis& axis,
          const Around& r, const T& outside) {
  auto index = t.index.values<std::int64_t>();
  auto beyond = t.outside.values<bool>();
  T* to = y.data();
  for (std::int64_t i = 0; i < r.outer; ++i) {
    const T* from = x.data() + i * axis.input * r.inner;
    for (std::int64_t o = 0; o < axis.output; ++o, to += r.inner) {
      const auto at = static_cast<std::size_t>(o);
      if (beyond[at])
        std::fill_n(to, r.inner, outside);
      else
        std::copy_n(from + index[at] * r.inner, r.inner, to);
    }
  }
}

void blend(std::span<const double> x, std::span<double> y, const ResizeTable& t,
           const ResizeAxis& axis, const Around& r, double outside) {
  auto index = t.index.values<std::int64_t>();
  auto weight = t.weight.values<double>();
  auto beyond = t.outside.values<bool>();
  double* to = y.data();
  for (std::int64_t i = 0; i < r.outer; ++i) {
    const double* from = x.data() + i * axis.input * r.inner;
    for (std::int64_t o = 0; o < axis.output; ++o, to += r.inner) {
      const bool out = beyond[static_cast<std::size_t>(o)];
      std::fill_n(to, r.inner, out ? outside : 0.0);
      for (std::int64_t tap = 0; !out && tap < t.taps; ++tap) {
        const auto at = static_cast<std::size_t>(o * t.taps + tap);
        const double w = weight[at];
        if (w == 0) continue;  // what is not read may be a NaN
        const double* row = from + index[at] * r.inner;
        for (std::int64_t j = 0; j < r.inner; ++j) to[j] += w * row[j];
      }
    }
  }
}

Status resize_one(const ResizeAttributes& a, std::size_t i, const ResizeAxis& axis,
                  std::span<const double> roi, Tensor& x, Context& c) {
  const bool crops = a.coordinate == ResizeCoordinate::tf_crop_and_resize;
  if (axis.scale == 1 && axis.input == axis.output && !crops) return {};
  ASSIGN(const ResizeTable t, resize_table(a, axis, roi[i], roi[a.axes.size() + i], c));
  Shape shape = x.shape();
  shape[a.axes[i]] = axis.output;
  const Around r{shape.count(0, a.axes[i]), shape.count(a.axes[i] + 1, shape.rank())};
  ASSIGN(Tensor y, c.scratch(x.dtype(), shape));
  if (y.count() == 0) {
    x = std::move(y);
    return {};
  }
  const double outside = double{a.extrapolation};
  if (a.mode != ResizeMode::nearest) {
    blend(x.values<double>(), y.mutable_values<double>(), t, axis, r, outside);
  } else {
    visit_storage(x.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T value = crops ? element_of<T>(x.dtype(), outside) : T{};
      pick<T>(x.values<T>(), y.mutable_values<T>(), t, axis, r, value);
    });
  }
  x = std::move(y);
  return {};
}

}  // namespace

Status resize(const ResizeAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  ASSIGN(const std::vector<ResizeAxis> axes, resolve(a, c));
  ASSIGN(const std::vector<double> roi, region_of(a, c));
  Shape shape = x.shape();
  for (std::size_t i = 0; i < axes.size(); ++i) shape[a.axes[i]] = axes[i].output;
  ASSIGN(Tensor * y, c.make(0, x.dtype(), shape));
  if (y->count() == 0) return {};  // an axis may be longer than its table can be
  const bool blends = a.mode != ResizeMode::nearest;
  Tensor now = x;
  if (blends) {
    ASSIGN(now, widened(x, DType::f64));
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    TRY(c.poll());
    TRY(resize_one(a, i, axes[i], roi, now, c));
  }
  if (!blends)
    c.set(0, Value(std::move(now)));
  else if (is_arithmetic_float(x.dtype()))
    narrow(now, *y);
  else
    saturate(now, *y);
  return {};
}

}  // namespace gossamer::reference
