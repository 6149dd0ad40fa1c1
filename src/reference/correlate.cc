// Gathers panels of input pixels and multiplies them by packed weights.
#include "reference/correlate.h"

#include <algorithm>

#include "reference/accumulate.h"
#include "reference/product.h"

namespace gossamer::reference {
namespace {

constexpr std::int64_t kWidth = kProductColumns;

// The input coordinate that tap t of output o reads on one axis, or -1 when that is padding.
std::int64_t coordinate(const WindowAxis& a, bool transposed, std::int64_t o, std::int64_t t) {
  std::int64_t i = 0;
  if (transposed) {
    i = o + a.before - t * a.dilation;
    if (i < 0 || i % a.stride != 0) return -1;
    i /= a.stride;
  } else {
    i = o * a.stride + t * a.dilation - a.before;
  }
  return i >= 0 && i < a.input ? i : -1;
}

// offsets[t * kWidth + j]: where in an input plane tap t of output pixel first + j reads, or -1.
void find_offsets(const Correlation& s, std::int64_t first, std::int64_t count,
                  std::span<std::int64_t> offsets) {
  std::fill(offsets.begin(), offsets.end(), std::int64_t{0});
  const std::int64_t taps = s.taps();
  std::int64_t in_stride = 1, out_stride = 1, tap_stride = 1;
  for (auto a = s.axes.rbegin(); a != s.axes.rend(); ++a) {
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int64_t o = (first + j) / out_stride % a->output;
      for (std::int64_t t = 0; t < taps; ++t) {
        std::int64_t& at = offsets[static_cast<std::size_t>(t * kWidth + j)];
        const std::int64_t i = coordinate(*a, s.transposed, o, t / tap_stride % a->kernel);
        at = i < 0 || at < 0 ? -1 : at + i * in_stride;
      }
    }
    in_stride *= a->input;
    out_stride *= a->output;
    tap_stride *= a->kernel;
  }
}

template <class T>
void gather_panel(const Correlation& s, const T* x, std::span<const std::int64_t> offsets,
                  std::int64_t count, T* panel) {
  const std::int64_t taps = s.taps(), plane = s.in_plane();
  for (std::int64_t channel = 0; channel < s.in_channels; ++channel, x += plane) {
    const std::int64_t* at = offsets.data();
    for (std::int64_t t = 0; t < taps; ++t, at += kWidth, panel += kWidth) {
      for (std::int64_t j = 0; j < count; ++j) panel[j] = at[j] < 0 ? T{} : x[at[j]];
      std::fill(panel + count, panel + kWidth, T{});
    }
  }
}

}  // namespace

std::int64_t Correlation::taps() const {
  std::int64_t n = 1;
  for (const WindowAxis& a : axes) n *= a.kernel;
  return n;
}
std::int64_t Correlation::in_plane() const {
  std::int64_t n = 1;
  for (const WindowAxis& a : axes) n *= a.input;
  return n;
}
std::int64_t Correlation::out_plane() const {
  std::int64_t n = 1;
  for (const WindowAxis& a : axes) n *= a.output;
  return n;
}

template <class T>
Status correlate(const Correlation& s, std::span<const T> x, std::span<const T> w, std::span<T> y,
                 Context& c) {
  if (y.empty()) return {};
  const std::int64_t depth = s.in_channels * s.taps();
  const std::int64_t in_plane = s.in_plane(), out_plane = s.out_plane();
  const std::int64_t block = packed_count(s.out_channels, depth);
  const DType dtype = dtype_of<T>;
  ASSIGN(Tensor packed, Tensor::make_uninitialized(dtype, Shape{s.groups, block}));
  ASSIGN(Tensor panel, Tensor::make_uninitialized(dtype, Shape{depth, kWidth}));
  ASSIGN(Tensor table, Tensor::make_uninitialized(DType::i64, Shape{s.taps(), kWidth}));
  auto offsets = table.mutable_values<std::int64_t>();
  T* const weights = packed.mutable_values<T>().data();
  T* const columns = panel.mutable_values<T>().data();
  for (std::int64_t g = 0; g < s.groups; ++g)
    pack_rows(w.data() + g * s.out_channels * depth, s.out_channels, depth, depth, 1,
              weights + g * block);
  for (std::int64_t first = 0; first < out_plane; first += kWidth) {
    TRY(c.poll());
    const std::int64_t count = std::min(kWidth, out_plane - first);
    find_offsets(s, first, count, offsets);
    for (std::int64_t n = 0; n < s.batch * s.groups; ++n) {
      gather_panel(s, x.data() + n * s.in_channels * in_plane,
                   std::span<const std::int64_t>(offsets), count, columns);
      multiply_panel(weights + n % s.groups * block, columns, s.out_channels, depth, count,
                     y.data() + n * s.out_channels * out_plane + first, out_plane);
    }
  }
  return {};
}

#define GOSS_CORRELATE(T)                                                               \
  template Status correlate(const Correlation&, std::span<const T>, std::span<const T>, \
                            std::span<T>, Context&);
GOSS_CORRELATE(float)
GOSS_CORRELATE(double)
GOSS_CORRELATE(std::uint32_t)
GOSS_CORRELATE(std::uint64_t)
#undef GOSS_CORRELATE

}  // namespace gossamer::reference
