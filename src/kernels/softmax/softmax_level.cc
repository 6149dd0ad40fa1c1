// Softmax in three passes: the maximum, the sum of exponentials, the scaling.
#include "kernels/level.h"
#include "kernels/softmax/softmax_table.h"
#include "kernels/vector_math.h"

namespace gossamer::kernels {
namespace {

using std::ptrdiff_t;
constexpr int kLanes = F32::kLanes;

INLINE int at_most(ptrdiff_t n, int limit) { return n < limit ? static_cast<int>(n) : limit; }

// Calls f(offset) for whole vectors, then last(offset, count) for what remains.
template <class F, class G>
INLINE void vectors(ptrdiff_t n, F f, G last) {
  ptrdiff_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i);
  if (i < n) last(i, static_cast<int>(n - i));
}

INLINE float highest_of(const float* x, ptrdiff_t n) {
  F32 top[4];
  for (F32& t : top) t = F32::all(-kInfinity);
  ptrdiff_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int k = 0; k < 4; ++k) top[k] = max_raw(top[k], F32::load(x + i + k * kLanes));
  vectors(
      n - i, [&](ptrdiff_t j) { top[0] = max_raw(top[0], F32::load(x + i + j)); },
      [&](ptrdiff_t j, int count) {
        const F32 v = F32::load_first(x + i + j, count);
        top[1] = max_raw(top[1], select(first_lanes(count), v, F32::all(-kInfinity)));
      });
  return highest(max_raw(max_raw(top[0], top[1]), max_raw(top[2], top[3])));
}

// The sum of exp(x - top) in blocks, so that errors stay small in long rows; kStore: y holds them.
template <bool kStore>
INLINE float exponentials(const float* x, float* y, ptrdiff_t n, float top) {
  constexpr ptrdiff_t kBlock = 64 * kLanes;
  const F32 shift = F32::all(top);
  F32 total = F32::zero();
  for (; n > 0; n -= kBlock, x += kBlock, y += kBlock) {
    F32 sum[2] = {F32::zero(), F32::zero()};
    const ptrdiff_t block = n < kBlock ? n : kBlock;
    ptrdiff_t i = 0;
    for (; i + 2 * kLanes <= block; i += 2 * kLanes)
      for (int k = 0; k < 2; ++k) {
        const F32 e = exp_below_zero(F32::load(x + i + k * kLanes) - shift);
        if (kStore) e.store(y + i + k * kLanes);
        sum[k] = sum[k] + e;
      }
    for (; i < block; i += kLanes) {
      const int count = at_most(block - i, kLanes);
      const F32 e = exp_below_zero(F32::load_first(x + i, count) - shift);
      if (kStore) e.store_first(y + i, count);
      sum[0] = sum[0] + select(first_lanes(count), e, F32::zero());
    }
    total = total + (sum[0] + sum[1]);
  }
  return sum(total);
}

void row(const float* x, float* y, ptrdiff_t n, bool log) {
  const float top = highest_of(x, n);
  if (!log) {
    const F32 factor = F32::all(1 / exponentials<true>(x, y, n, top));
    vectors(
        n, [&](ptrdiff_t i) { (F32::load(y + i) * factor).store(y + i); },
        [&](ptrdiff_t i, int count) {
          (F32::load_first(y + i, count) * factor).store_first(y + i, count);
        });
    return;
  }
  const F32 shift = F32::all(top);
  const F32 scale = F32::all(__builtin_logf(exponentials<false>(x, y, n, top)));
  vectors(
      n, [&](ptrdiff_t i) { (F32::load(x + i) - shift - scale).store(y + i); },
      [&](ptrdiff_t i, int count) {
        (F32::load_first(x + i, count) - shift - scale).store_first(y + i, count);
      });
}

// One vector of columns; `count` of its lanes are there.
template <class Load, class Store>
INLINE void column_vector(const float* x, ptrdiff_t sx, float* y, ptrdiff_t sy, ptrdiff_t n,
                          bool log, Load load, Store store) {
  F32 top = F32::all(-kInfinity);
  for (ptrdiff_t i = 0; i < n; ++i) top = max_raw(top, load(x + i * sx));
  F32 total = F32::zero();
  for (ptrdiff_t i = 0; i < n;) {
    F32 part = F32::zero();
    for (ptrdiff_t end = i + 64 < n ? i + 64 : n; i < end; ++i) {
      const F32 e = exp_below_zero(load(x + i * sx) - top);
      if (!log) store(e, y + i * sy);
      part = part + e;
    }
    total = total + part;
  }
  const F32 scale = log ? kernels::log(total) : F32::all(1) / total;
  for (ptrdiff_t i = 0; i < n; ++i)
    store(log ? load(x + i * sx) - top - scale : load(y + i * sy) * scale, y + i * sy);
}

void columns(const float* x, ptrdiff_t sx, float* y, ptrdiff_t sy, ptrdiff_t n, ptrdiff_t width,
             bool log) {
  vectors(
      width,
      [&](ptrdiff_t c) {
        column_vector(
            x + c, sx, y + c, sy, n, log, [](const float* p) { return F32::load(p); },
            [](F32 v, float* p) { v.store(p); });
      },
      [&](ptrdiff_t c, int count) {
        column_vector(
            x + c, sx, y + c, sy, n, log, [=](const float* p) { return F32::load_first(p, count); },
            [=](F32 v, float* p) { v.store_first(p, count); });
      });
}

}  // namespace

extern const SoftmaxTable LEVEL_TABLE(softmax_table) = {row, columns};

}  // namespace gossamer::kernels
