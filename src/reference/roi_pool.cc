// RoiPool, region by region.
#include "reference/roi_pool.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "reference/accumulate.h"

namespace gossamer {

std::span<const std::string_view> enum_names(RoiPoolOp) {
  static constexpr std::array<std::string_view, 3> kNames = {"align_mean", "align_max", "max"};
  return kNames;
}

namespace reference {
namespace {

// Beyond this many samples a bin a region is no region of an image.
constexpr std::int64_t kMaxSamples = 1 << 14;
// Samples that count as one step of a run: regions can be larger than the image.
constexpr double kSamplesAStep = 256;

template <class T>
struct Box {
  T top, left, height, width;  // in pixels of x
};

template <class T>
struct Map {
  const T* pixels;  // one channel
  std::int64_t height, width;
};

// One sample of a bilinear interpolation: four corners and their weights, none outside the map.
template <class T>
struct Corners {
  bool inside = false;
  std::array<std::int64_t, 4> at{};
  std::array<T, 4> weight{};
};

template <class T>
Corners<T> corners(std::int64_t height, std::int64_t width, T y, T x) {
  Corners<T> s;
  if (!(y >= -1 && y <= static_cast<T>(height) && x >= -1 && x <= static_cast<T>(width))) return s;
  s.inside = true;
  y = std::clamp<T>(y, 0, static_cast<T>(height - 1));
  x = std::clamp<T>(x, 0, static_cast<T>(width - 1));
  const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
  const std::int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const T down = y - static_cast<T>(top), across = x - static_cast<T>(left);
  s.at = {top * width + left, top * width + right, bottom * width + left, bottom * width + right};
  s.weight = {(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across};
  return s;
}

template <class T>
T sample_bin(const RoiPoolAttributes& a, const Map<T>& m, const Box<T>& bin, std::int64_t rows,
             std::int64_t columns) {
  T result = 0;
  bool first = true;
  for (std::int64_t i = 0; i < rows; ++i) {
    const T y = bin.top + (static_cast<T>(i) + T(0.5)) * bin.height / static_cast<T>(rows);
    for (std::int64_t j = 0; j < columns; ++j) {
      const T x = bin.left + (static_cast<T>(j) + T(0.5)) * bin.width / static_cast<T>(columns);
      const Corners<T> s = corners(m.height, m.width, y, x);
      std::array<T, 4> v{};
      for (std::size_t k = 0; s.inside && k < 4; ++k) v[k] = s.weight[k] * m.pixels[s.at[k]];
      if (a.op == RoiPoolOp::align_mean) {
        result += v[0] + v[1] + v[2] + v[3];
      } else {
        const T most = *std::max_element(v.begin(), v.end());
        result = first ? most : std::max(result, most);
        first = false;
      }
    }
  }
  if (a.op == RoiPoolOp::align_mean)
    result /= static_cast<T>(std::max<std::int64_t>(rows * columns, 1));
  return result;
}

template <class T>
Box<T> aligned_box(const RoiPoolAttributes& a, const T* region) {
  const T scale = static_cast<T>(a.scale), offset = a.half_pixel ? T(0.5) : T(0);
  Box<T> b;
  b.left = region[0] * scale - offset;
  b.top = region[1] * scale - offset;
  b.width = region[2] * scale - offset - b.left;
  b.height = region[3] * scale - offset - b.top;
  if (!a.half_pixel) {
    b.width = std::max<T>(b.width, 1);
    b.height = std::max<T>(b.height, 1);
  }
  return b;
}

Status bad_region() { return malformed("a region of interest is too large, or no number"); }

// Samples a bin and axis; fails when there are too many.
template <class T>
Result<std::int64_t> sample_count(const RoiPoolAttributes& a, T extent, std::int64_t bins) {
  const T count = std::ceil(extent / static_cast<T>(bins));
  if (!std::isfinite(extent)) return bad_region();
  if (a.sampling > 0) return a.sampling;
  if (!(count <= T(kMaxSamples))) return bad_region();
  return std::max<std::int64_t>(static_cast<std::int64_t>(count), 0);
}

template <class T>
Status align_region(const RoiPoolAttributes& a, Map<T> m, std::int64_t channels, const T* region,
                    T* y, Context& c) {
  const Box<T> box = aligned_box(a, region);
  ASSIGN(const std::int64_t rows, sample_count(a, box.height, a.height));
  ASSIGN(const std::int64_t columns, sample_count(a, box.width, a.width));
  const double samples = static_cast<double>(rows * columns * channels) *
                         static_cast<double>(a.height) * static_cast<double>(a.width);
  TRY(c.charge(static_cast<std::int64_t>(samples / kSamplesAStep)));
  Box<T> bin = box;
  bin.height = box.height / static_cast<T>(a.height);
  bin.width = box.width / static_cast<T>(a.width);
  for (std::int64_t ch = 0; ch < channels; ++ch, m.pixels += m.height * m.width)
    for (std::int64_t i = 0; i < a.height; ++i)
      for (std::int64_t j = 0; j < a.width; ++j) {
        bin.top = box.top + static_cast<T>(i) * bin.height;
        bin.left = box.left + static_cast<T>(j) * bin.width;
        *y++ = sample_bin(a, m, bin, rows, columns);
      }
  return {};
}

// Bin `i` of a region's axis as whole pixels [first, end) within [0, limit).
struct Range {
  std::int64_t first, end;
};
template <class T>
Range bin_range(std::int64_t i, T start, T bin, std::int64_t limit) {
  const T last = static_cast<T>(limit);
  const T first = std::clamp<T>(std::floor(static_cast<T>(i) * bin) + start, 0, last);
  const T end = std::clamp<T>(std::ceil(static_cast<T>(i + 1) * bin) + start, 0, last);
  return {static_cast<std::int64_t>(first), static_cast<std::int64_t>(end)};
}

template <class T>
Status max_region(const RoiPoolAttributes& a, Map<T> m, std::int64_t channels, const T* region,
                  T* y) {
  std::array<T, 4> r{};
  for (std::size_t i = 0; i < 4; ++i) {
    r[i] = std::round(region[i] * static_cast<T>(a.scale));
    if (!std::isfinite(r[i])) return bad_region();
  }
  const T bin_w = std::max<T>(r[2] - r[0] + 1, 1) / static_cast<T>(a.width);
  const T bin_h = std::max<T>(r[3] - r[1] + 1, 1) / static_cast<T>(a.height);
  for (std::int64_t ch = 0; ch < channels; ++ch, m.pixels += m.height * m.width)
    for (std::int64_t i = 0; i < a.height; ++i)
      for (std::int64_t j = 0; j < a.width; ++j) {
        const Range rows = bin_range(i, r[1], bin_h, m.height);
        const Range columns = bin_range(j, r[0], bin_w, m.width);
        const bool empty = rows.first >= rows.end || columns.first >= columns.end;
        T best = empty ? T(0) : m.pixels[rows.first * m.width + columns.first];
        for (std::int64_t p = rows.first; p < rows.end; ++p)
          for (std::int64_t q = columns.first; q < columns.end; ++q)
            best = std::max(best, m.pixels[p * m.width + q]);
        *y++ = best;
      }
  return {};
}

template <class T>
Status pool_regions(const RoiPoolAttributes& a, const Tensor& x, const Tensor& regions,
                    std::span<const std::int64_t> batch, Tensor& y, Context& c) {
  const Shape& s = x.shape();
  const std::int64_t per_region = s[1] * a.height * a.width;
  const std::int64_t plane = s[2] * s[3];
  T* out = y.mutable_values<T>().data();
  for (std::size_t i = 0; i < batch.size(); ++i, out += per_region) {
    TRY(c.poll());
    const std::int64_t n = batch[i];
    if (n < 0 || n >= s[0])
      return malformed("region " + std::to_string(i) + " is of image " + std::to_string(n) +
                       " of " + std::to_string(s[0]));
    const Map<T> m{x.values<T>().data() + n * s[1] * plane, s[2], s[3]};
    const T* region = regions.values<T>().data() + 4 * i;
    if (a.op == RoiPoolOp::max) {
      TRY(max_region<T>(a, m, s[1], region, out));
    } else {
      TRY(align_region<T>(a, m, s[1], region, out, c));
    }
  }
  return {};
}

}  // namespace

Status roi_pool(const RoiPoolAttributes& a, Context& c) {
  const Tensor &x = c.tensor(0), &regions = c.tensor(1), &batch = c.tensor(2);
  const std::int64_t count = batch.count();
  if (x.rank() != 4 || regions.shape() != Shape{count, 4} || batch.rank() != 1)
    return malformed("regions of shape " + regions.shape().to_string() + ", images of shape " +
                     batch.shape().to_string() + ", x of shape " + x.shape().to_string());
  const Shape shape{count, x.shape()[1], a.height, a.width};
  ASSIGN(Tensor * y, c.make(0, x.dtype(), shape));
  if (y->count() == 0) return {};
  if (x.shape()[2] == 0 || x.shape()[3] == 0) return malformed("x is empty");
  const DType accumulator = accumulator_of(x.dtype());
  ASSIGN(const Tensor wide, widened(x, accumulator));
  ASSIGN(const Tensor boxes, widened(regions, accumulator));
  ASSIGN(Tensor result, Tensor::make_uninitialized(accumulator, shape));
  auto images = batch.values<std::int64_t>();
  if (accumulator == DType::f64) {
    TRY(pool_regions<double>(a, wide, boxes, images, result, c));
  } else {
    TRY(pool_regions<float>(a, wide, boxes, images, result, c));
  }
  narrow(result, *y);
  return {};
}

}  // namespace reference
}  // namespace gossamer
