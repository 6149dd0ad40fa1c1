// Tiles of products in registers. One template; how many rows and panels fit follows from the
// level's registers: 32 of 16 lanes (v4), 16 of 8 (v3), 16 of 4 (v2).
// With P panels and H rows a step costs P * kVectors loads and H broadcasts for their product of
// multiply-adds, so tall and wide tiles keep the load ports free. Row addresses stay in general
// registers; that is what bounds H.
#include "kernels/gemm/tile.h"
#include "kernels/level.h"
#include "kernels/vector_int.h"

namespace gossamer::kernels {
namespace {

#define UNROLL _Pragma("GCC unroll 32")

constexpr int kVectors = kPanel / F32::kLanes;  // vectors of a panel

// The first n columns of a row of V vectors; all but the last panel are whole.
template <int V>
INLINE void store_row(const F32* v, float* out, int n) {
  constexpr int kWhole = V - kVectors;
  UNROLL for (int j = 0; j < kWhole; ++j) v[j].store(out + j * F32::kLanes);
  n -= kWhole * F32::kLanes;
  out += kWhole * F32::kLanes;
#if defined(__AVX512F__)
  v[kWhole].store_first(out, n);
#else
  UNROLL for (int j = 0; j < kVectors; ++j) {
    const int left = n - j * F32::kLanes;
    if (left >= F32::kLanes)
      v[kWhole + j].store(out + j * F32::kLanes);
    else if (left > 0)
      v[kWhole + j].store_first(out + j * F32::kLanes, left);
  }
#endif
}

template <int V>
INLINE void load_row(F32* v, const float* from, int n) {
  constexpr int kWhole = V - kVectors;
  UNROLL for (int j = 0; j < kWhole; ++j) v[j] = F32::load(from + j * F32::kLanes);
  n -= kWhole * F32::kLanes;
  from += kWhole * F32::kLanes;
#if defined(__AVX512F__)
  v[kWhole] = F32::load_first(from, n);
#else
  UNROLL for (int j = 0; j < kVectors; ++j) {
    const int left = n - j * F32::kLanes;
    if (left >= F32::kLanes)
      v[kWhole + j] = F32::load(from + j * F32::kLanes);
    else
      v[kWhole + j] = left > 0 ? F32::load_first(from + j * F32::kLanes, left) : F32::zero();
  }
#endif
}

// A step of floats.
struct Floats {
  static INLINE F32 multiply_add(F32 x, F32 w, F32 sum) { return fma(x, w, sum); }
};

// A step of pairs of bf16, the first of each in the lower half.
struct Bf16Pairs {
  static INLINE F32 multiply_add(F32 x, F32 w, F32 sum) {
#if defined(__AVX512F__)
    // An instruction of no level: the driver asks the machine for it.
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.v) : "v"(x.v), "v"(w.v));
    return sum;
#else
    const I32 high = I32::all(static_cast<std::int32_t>(0xFFFF0000U));
    const I32 a = bits_of(x), b = bits_of(w);
    sum = fma(float_of_bits(shift_left<16>(a)), float_of_bits(shift_left<16>(b)), sum);
    return fma(float_of_bits(a & high), float_of_bits(b & high), sum);
#endif
  }
};

template <class Step, int P, int H>
void tile(const GemmTile& t) {
  constexpr int V = P * kVectors;
  F32 sum[H][V];
  F32 start[V];
  if (t.bias)
    load_row<V>(start, t.bias, t.columns);
  else
    UNROLL for (int j = 0; j < V; ++j) start[j] = F32::zero();
  UNROLL for (int i = 0; i < H; ++i) UNROLL for (int j = 0; j < V; ++j) sum[i][j] = start[j];

  const std::int64_t step = t.step, panel = t.panel;
  const std::int64_t ahead_step = t.ahead_step;
  const char* ahead = t.ahead;
  const float* const* rows = t.rows;
  for (std::int64_t r = 0; r < t.runs; ++r, rows += H) {
    const float* b = t.panels + t.at[r] * step;
    const float* a[H];
    UNROLL for (int i = 0; i < H; ++i) {
      a[i] = rows[i] + t.offset;
      asm("" : "+r"(a[i]));  // one register each, not offsets from a common one
    }
    for (std::int64_t k = 0; k < t.steps; ++k, b += step) {
      _mm_prefetch(ahead, _MM_HINT_T1);
      ahead += ahead_step;
      F32 w[V];
      UNROLL for (int j = 0; j < V; ++j) w[j] =
          F32::load(b + j / kVectors * panel + j % kVectors * F32::kLanes);
      UNROLL for (int i = 0; i < H; ++i) {
        const F32 x = F32::all(a[i][k]);
        UNROLL for (int j = 0; j < V; ++j) sum[i][j] = Step::multiply_add(x, w[j], sum[i][j]);
      }
    }
  }

  if (t.adds) UNROLL for (int i = 0; i < H; ++i) {
      F32 addend[V];
      load_row<V>(addend, t.out[i] + (t.column + t.addend), t.columns);
      UNROLL for (int j = 0; j < V; ++j) sum[i][j] = sum[i][j] + addend[j];
    }
  const F32 low = F32::all(t.low), high = F32::all(t.high);
  UNROLL for (int i = 0; i < H; ++i) {
    UNROLL for (int j = 0; j < V; ++j) sum[i][j] = min_raw(high, max_raw(low, sum[i][j]));
    store_row<V>(sum[i], t.out[i] + t.column, t.columns);
  }
}

// Four vectors of four, transposed in place.
INLINE void transpose4(__m128* v) {
  const __m128 a = _mm_unpacklo_ps(v[0], v[1]), b = _mm_unpackhi_ps(v[0], v[1]);
  const __m128 c = _mm_unpacklo_ps(v[2], v[3]), d = _mm_unpackhi_ps(v[2], v[3]);
  v[0] = _mm_movelh_ps(a, c);
  v[1] = _mm_movehl_ps(c, a);
  v[2] = _mm_movelh_ps(b, d);
  v[3] = _mm_movehl_ps(d, b);
}

void transpose(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
               std::int64_t rows, std::int64_t columns) {
  std::int64_t j = 0;
  for (; j + 4 <= columns; j += 4) {
    const float* f = from + j * from_stride;
    float* o = to + j;
    std::int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
      __m128 v[4];
      UNROLL for (int q = 0; q < 4; ++q) v[q] = _mm_loadu_ps(f + q * from_stride + i);
      transpose4(v);
      UNROLL for (int q = 0; q < 4; ++q) _mm_storeu_ps(o + (i + q) * to_stride, v[q]);
    }
    for (; i < rows; ++i)
      UNROLL for (int q = 0; q < 4; ++q) o[i * to_stride + q] = f[q * from_stride + i];
  }
  const std::int64_t rest = columns - j;
  const float* f = from + j * from_stride;
  float* o = to + j;
  std::int64_t i = 0;
  if (rest == 3 && to_stride == 3) {
    // Three planes to pixels of three: each store spills one element that the next one mends.
    for (; i + 5 <= rows; i += 4) {
      __m128 v[4] = {_mm_loadu_ps(f + i), _mm_loadu_ps(f + from_stride + i),
                     _mm_loadu_ps(f + 2 * from_stride + i), _mm_setzero_ps()};
      transpose4(v);
      UNROLL for (int q = 0; q < 4; ++q) _mm_storeu_ps(o + (i + q) * 3, v[q]);
    }
  }
  for (; i < rows; ++i)
    for (std::int64_t q = 0; q < rest; ++q) o[i * to_stride + q] = f[q * from_stride + i];
}

void move_rows(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
               std::int64_t rows, std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i, from += from_stride, to += to_stride) {
    std::int64_t j = 0;
    for (; j + F32::kLanes <= columns; j += F32::kLanes) F32::load(from + j).store(to + j);
    const int n = static_cast<int>(columns - j);
    if (n > 0) F32::load_first(from + j, n).store_first(to + j, n);
  }
}

void copy_rows(const float* from, std::int64_t stride, std::int64_t k, float* panel) {
  for (std::int64_t i = 0; i < k; ++i)
    UNROLL for (int j = 0; j < kVectors; ++j) F32::load(from + i * stride + j * F32::kLanes)
        .store(panel + i * kPanel + j * F32::kLanes);
}

void pack_columns(const float* from, std::int64_t stride, std::int64_t k, int columns,
                  float* panel) {
  if (columns < kPanel)
    for (std::int64_t i = 0; i < k; ++i)
      for (int j = columns; j < kPanel; ++j) panel[i * kPanel + j] = 0;
  transpose(from, stride, panel, kPanel, k, columns);
}

constexpr int kDotColumns = 4;  // dot products at a time

template <int C>
INLINE void dot_group(const float* a, const float* b, std::int64_t stride, std::int64_t k,
                      float* out) {
  F32 sum[C][2];
  UNROLL for (int j = 0; j < C; ++j) sum[j][0] = sum[j][1] = F32::zero();
  constexpr int L = F32::kLanes;
  std::int64_t i = 0;
  for (; i + 2 * L <= k; i += 2 * L) {
    const F32 x = F32::load(a + i), y = F32::load(a + i + L);
    UNROLL for (int j = 0; j < C; ++j) {
      sum[j][0] = fma(x, F32::load(b + j * stride + i), sum[j][0]);
      sum[j][1] = fma(y, F32::load(b + j * stride + i + L), sum[j][1]);
    }
  }
  for (; i < k; i += L) {
    const int n = k - i < L ? static_cast<int>(k - i) : L;
    const F32 x = F32::load_first(a + i, n);
    UNROLL for (int j = 0; j < C; ++j) sum[j][0] =
        fma(x, F32::load_first(b + j * stride + i, n), sum[j][0]);
  }
  UNROLL for (int j = 0; j < C; ++j) out[j] = ::gossamer::kernels::sum(sum[j][0] + sum[j][1]);
}

void dots(const float* a, const float* b, std::int64_t stride, std::int64_t k, std::int64_t columns,
          const float* bias, float low, float high, float* out) {
  std::int64_t j = 0;
  for (; j + kDotColumns <= columns; j += kDotColumns)
    dot_group<kDotColumns>(a, b + j * stride, stride, k, out + j);
  for (; j < columns; ++j) dot_group<1>(a, b + j * stride, stride, k, out + j);
  for (j = 0; j < columns; ++j) {
    float v = bias ? out[j] + bias[j] : out[j];
    v = v < low ? low : v;
    out[j] = v > high ? high : v;
  }
}

}  // namespace

#define TILES_1(S, P) tile<S, P, 1>
#define TILES_3(S, P) TILES_1(S, P), tile<S, P, 2>, tile<S, P, 3>
#define TILES_6(S, P) TILES_3(S, P), tile<S, P, 4>, tile<S, P, 5>, tile<S, P, 6>
#define TILES_8(S, P) TILES_6(S, P), tile<S, P, 7>, tile<S, P, 8>
#define TILES_10(S, P) TILES_8(S, P), tile<S, P, 9>, tile<S, P, 10>
#define TILES_12(S, P) TILES_10(S, P), tile<S, P, 11>, tile<S, P, 12>

#if defined(__AVX512F__)
#define TILES(S) \
  {{TILES_12(S, 1)}, {TILES_10(S, 2)}, {TILES_8(S, 3)}, {TILES_6(S, 4)}}, {12, 10, 8, 6}
#elif defined(__AVX2__)
#define TILES(S) {{TILES_6(S, 1)}, {TILES_3(S, 2)}, {TILES_1(S, 3)}, {TILES_1(S, 4)}}, {6, 3, 1, 1}
#else
#define TILES(S) {{TILES_3(S, 1)}, {TILES_1(S, 2)}, {}, {}}, {3, 1, 0, 0}
#endif
#define REST transpose, move_rows, copy_rows, pack_columns, dots

extern const GemmTables LEVEL_TABLE(gemm_tables);
const GemmTables LEVEL_TABLE(gemm_tables) = {{TILES(Floats), REST}, {TILES(Bf16Pairs), REST}};

}  // namespace gossamer::kernels
