// Pool's leaf code: windows of neighboring columns (channels last), and windows along a row.
#include "kernels/level.h"
#include "kernels/pool/pool_table.h"
#include "kernels/vector.h"

namespace gossamer::kernels {
namespace {

constexpr float kInfinity = __builtin_inff();

// The larger; the new one when it is a NaN, the old one when that is.
INLINE F32 larger(F32 old, F32 fresh) {
#if defined(__AVX512F__)
  const __mmask16 number = _mm512_cmp_ps_mask(fresh.v, fresh.v, _CMP_ORD_Q);
  return {_mm512_mask_max_ps(fresh.v, number, fresh.v, old.v)};
#elif defined(__AVX2__)
  const __m256 nan = _mm256_cmp_ps(fresh.v, fresh.v, _CMP_UNORD_Q);
  return {_mm256_blendv_ps(_mm256_max_ps(fresh.v, old.v), fresh.v, nan)};
#else
  const __m128 nan = _mm_cmpunord_ps(fresh.v, fresh.v);
  return {_mm_blendv_ps(_mm_max_ps(fresh.v, old.v), fresh.v, nan)};
#endif
}
INLINE F32 magnitude(F32 a) {
#if defined(__AVX512F__)
  return {_mm512_abs_ps(a.v)};
#elif defined(__AVX2__)
  return {_mm256_andnot_ps(_mm256_set1_ps(-0.0F), a.v)};
#else
  return {_mm_andnot_ps(_mm_set1_ps(-0.0F), a.v)};
#endif
}
INLINE F32 root_of(F32 a) {
#if defined(__AVX512F__)
  return {_mm512_sqrt_ps(a.v)};
#elif defined(__AVX2__)
  return {_mm256_sqrt_ps(a.v)};
#else
  return {_mm_sqrt_ps(a.v)};
#endif
}

struct Max {
  static INLINE F32 start() { return F32::all(-kInfinity); }
  static INLINE F32 add(F32 old, F32 x) { return larger(old, x); }
  static INLINE float start1() { return -kInfinity; }
  static INLINE float add1(float old, float x) { return x > old || x != x ? x : old; }
};
struct Sum {
  static INLINE F32 start() { return F32::zero(); }
  static INLINE F32 add(F32 old, F32 x) { return old + x; }
  static INLINE float start1() { return 0; }
  static INLINE float add1(float old, float x) { return old + x; }
};
struct SumAbs : Sum {
  static INLINE F32 add(F32 old, F32 x) { return old + magnitude(x); }
};
struct SumSquare : Sum {
  static INLINE F32 add(F32 old, F32 x) { return fma(x, x, old); }
};

INLINE F32 finished(F32 v, PoolFinish finish, F32 divisor) {
  if (finish == PoolFinish::divide) return v / divisor;
  if (finish == PoolFinish::root) return root_of(v);
  return v;
}

template <class Op>
void pixels_of(const PoolPixels<float>& p) {
  constexpr int kLanes = F32::kLanes, kChunk = 4;
  const F32 divisor = F32::all(p.divisor);
  for (std::int64_t i = 0; i < p.pixels; ++i) {
    const float* x = p.x + i * p.x_step;
    float* y = p.y + i * p.y_step;
    std::int64_t c = 0;
    for (; c + kChunk * kLanes <= p.columns; c += kChunk * kLanes) {
      F32 sum[kChunk];
      for (int v = 0; v < kChunk; ++v) sum[v] = Op::start();
      for (std::int64_t t = 0; t < p.tap_count; ++t) {
        const float* from = x + p.taps[t] + c;
        for (int v = 0; v < kChunk; ++v) sum[v] = Op::add(sum[v], F32::load(from + v * kLanes));
      }
      for (int v = 0; v < kChunk; ++v)
        finished(sum[v], p.finish, divisor).store(y + c + v * kLanes);
    }
    for (; c + kLanes <= p.columns; c += kLanes) {
      F32 sum = Op::start();
      for (std::int64_t t = 0; t < p.tap_count; ++t)
        sum = Op::add(sum, F32::load(x + p.taps[t] + c));
      finished(sum, p.finish, divisor).store(y + c);
    }
    if (const int rest = static_cast<int>(p.columns - c); rest > 0) {
      F32 sum = Op::start();
      for (std::int64_t t = 0; t < p.tap_count; ++t)
        sum = Op::add(sum, F32::load_first(x + p.taps[t] + c, rest));
      finished(sum, p.finish, divisor).store_first(y + c, rest);
    }
  }
}

void pixels(PoolCombine combine, const PoolPixels<float>& p) {
  if (combine == PoolCombine::max) return pixels_of<Max>(p);
  if (combine == PoolCombine::sum) return pixels_of<Sum>(p);
  if (combine == PoolCombine::sum_abs) return pixels_of<SumAbs>(p);
  pixels_of<SumSquare>(p);
}

// Results of a row that read inside it at one tap, and where the first of them reads.
struct Reach {
  std::int64_t first, end, at;
};
template <class T>
INLINE Reach reach_of(const PoolRow<T>& r, std::int64_t tap) {
  const std::int64_t shift = tap * r.dilation - r.before;
  Reach s = {0, 0, 0};
  if (shift < 0) s.first = (-shift + r.stride - 1) / r.stride;
  if (shift < r.inputs) s.end = (r.inputs - shift + r.stride - 1) / r.stride;
  if (s.end > r.outputs) s.end = r.outputs;
  s.at = s.first * r.stride + shift;
  return s;
}

template <class T, class Op>
INLINE void add_row(T* __restrict y, const T* __restrict x, std::int64_t count,
                    std::int64_t stride) {
  if (stride == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = Op::add1(y[i], x[i]);
  } else if (stride == 2) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = Op::add1(y[i], x[2 * i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = Op::add1(y[i], x[i * stride]);
  }
}

template <class T, class Op>
void row_of(const PoolRow<T>& r) {
  for (std::int64_t o = 0; o < r.outputs; ++o) r.y[o] = Op::start1();
  for (std::int64_t t = 0; t < r.kernel; ++t) {
    const Reach s = reach_of(r, t);
    if (s.first < s.end) add_row<T, Op>(r.y + s.first, r.row + s.at, s.end - s.first, r.stride);
  }
}

void row(PoolCombine combine, const PoolRow<float>& r) {
  if (combine == PoolCombine::max) return row_of<float, Max>(r);
  row_of<float, Sum>(r);
}

void divide(float* y, const float* divisors, float factor, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = y[i] / (divisors[i] * factor);
}
void root(float* y, std::int64_t count) {
  constexpr int kLanes = F32::kLanes;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) root_of(F32::load(y + i)).store(y + i);
  if (const int rest = static_cast<int>(count - i); rest > 0)
    root_of(F32::load_first(y + i, rest)).store_first(y + i, rest);
}

template <class T, T kLeast>
struct MaxOf {
  static INLINE T start1() { return kLeast; }
  static INLINE T add1(T old, T x) { return x > old ? x : old; }
};
using MaxU8 = MaxOf<std::uint8_t, 0>;
using MaxI8 = MaxOf<std::int8_t, -128>;

template <class T, class Op>
void pixels_of_bytes(const PoolPixels<T>& p) {
  for (std::int64_t i = 0; i < p.pixels; ++i) {
    const T* x = p.x + i * p.x_step;
    T* __restrict y = p.y + i * p.y_step;
    for (std::int64_t c = 0; c < p.columns; ++c) y[c] = Op::start1();
    for (std::int64_t t = 0; t < p.tap_count; ++t) add_row<T, Op>(y, x + p.taps[t], p.columns, 1);
  }
}

}  // namespace

extern const PoolTable LEVEL_TABLE(pool_table);
const PoolTable LEVEL_TABLE(pool_table) = {
    pixels,
    row,
    divide,
    root,
    pixels_of_bytes<std::uint8_t, MaxU8>,
    row_of<std::uint8_t, MaxU8>,
    pixels_of_bytes<std::int8_t, MaxI8>,
    row_of<std::int8_t, MaxI8>,
};

}  // namespace gossamer::kernels
