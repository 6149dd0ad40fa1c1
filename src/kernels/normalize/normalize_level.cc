// Scaling and shifting of runs, and of columns side by side.
#include "kernels/level.h"
#include "kernels/normalize/normalize_table.h"
#include "kernels/vector.h"

namespace gossamer::kernels {
namespace {

using std::ptrdiff_t;
constexpr int kLanes = F32::kLanes;

template <bool kScale, bool kBias>
INLINE void apply(const float* x, float* y, ptrdiff_t n, F32 mean, F32 factor, const float* scale,
                  const float* bias, F32 shift) {
  ptrdiff_t i = 0;
  const auto value = [&](F32 v, auto load) {
    F32 r = (v - mean) * factor;
    if (kScale && kBias) return fma(r, load(scale + i), load(bias + i));
    if (kScale) r = r * load(scale + i);
    return r + (kBias ? load(bias + i) : shift);
  };
  for (; i + kLanes <= n; i += kLanes)
    value(F32::load(x + i), [](const float* p) { return F32::load(p); }).store(y + i);
  if (i >= n) return;
  const int count = static_cast<int>(n - i);
  value(F32::load_first(x + i, count), [=](const float* p) {
    return F32::load_first(p, count);
  }).store_first(y + i, count);
}

void row(const float* x, float* y, ptrdiff_t n, float mean, float inverse, AlongRun scale,
         AlongRun bias) {
  const bool scales = scale.data != nullptr && scale.step != 0;
  const bool shifts = bias.data != nullptr && bias.step != 0;
  const float factor = scale.data != nullptr && !scales ? inverse * *scale.data : inverse;
  const F32 m = F32::all(mean), f = F32::all(factor);
  const F32 shift = F32::all(bias.data != nullptr && !shifts ? *bias.data : 0.0F);
  if (scales && shifts) return apply<true, true>(x, y, n, m, f, scale.data, bias.data, shift);
  if (scales) return apply<true, false>(x, y, n, m, f, scale.data, nullptr, shift);
  if (shifts) return apply<false, true>(x, y, n, m, f, nullptr, bias.data, shift);
  apply<false, false>(x, y, n, m, f, nullptr, nullptr, shift);
}

// Two vectors of columns at a time over all rows: what they need stays in registers.
template <int kVectors, bool kWhole>
INLINE void column_vectors(const float* x, ptrdiff_t sx, float* y, ptrdiff_t sy, ptrdiff_t rows,
                           int count, const float* mean, const float* factor, const float* bias) {
  const auto load = [=](const float* p) {
    return kWhole ? F32::load(p) : F32::load_first(p, count);
  };
  F32 m[kVectors], f[kVectors], b[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    m[v] = load(mean + v * kLanes);
    f[v] = load(factor + v * kLanes);
    b[v] = load(bias + v * kLanes);
  }
  for (ptrdiff_t r = 0; r < rows; ++r, x += sx, y += sy)
    for (int v = 0; v < kVectors; ++v) {
      const F32 out = fma(load(x + v * kLanes) - m[v], f[v], b[v]);
      if (kWhole)
        out.store(y + v * kLanes);
      else
        out.store_first(y + v * kLanes, count);
    }
}

void columns(const float* x, ptrdiff_t sx, float* y, ptrdiff_t sy, ptrdiff_t rows, ptrdiff_t width,
             const float* mean, const float* factor, const float* bias) {
  ptrdiff_t c = 0;
  for (; c + 4 * kLanes <= width; c += 4 * kLanes)
    column_vectors<4, true>(x + c, sx, y + c, sy, rows, 0, mean + c, factor + c, bias + c);
  for (; c + kLanes <= width; c += kLanes)
    column_vectors<1, true>(x + c, sx, y + c, sy, rows, 0, mean + c, factor + c, bias + c);
  if (c < width)
    column_vectors<1, false>(x + c, sx, y + c, sy, rows, static_cast<int>(width - c), mean + c,
                             factor + c, bias + c);
}

}  // namespace

extern const NormalizeTable LEVEL_TABLE(normalize_table) = {row, columns};

}  // namespace gossamer::kernels
