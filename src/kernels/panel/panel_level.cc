// Rows times a panel, in tiles that stay in registers: as many rows as fit beside the columns.
#include "kernels/level.h"
#include "kernels/panel/panel_table.h"
#include "kernels/vector.h"

namespace gossamer::kernels {
namespace {

#define UNROLL _Pragma("GCC unroll 16")

// H rows by V vectors of columns.
template <int H, int V>
INLINE void tile(const PanelProduct& p, std::int64_t row, int column) {
  constexpr int kLanes = F32::kLanes;
  F32 sum[H][V];
  UNROLL for (int i = 0; i < H; ++i) UNROLL for (int v = 0; v < V; ++v) {
    const int at = column + v * kLanes;
    sum[i][v] = p.add    ? F32::load(p.out[row + i] + at)
                : p.bias ? F32::load(p.bias + at)
                         : F32::zero();
  }
  const float* a[H];
  UNROLL for (int i = 0; i < H; ++i) {
    a[i] = p.a[row + i];
    asm("" : "+r"(a[i]));  // a register each
  }
  const float* b = p.panel + column;
  const std::int64_t depth = p.depth, step = p.step;
  for (std::int64_t k = 0; k < depth; ++k, b += step) {
    F32 w[V];
    UNROLL for (int v = 0; v < V; ++v) w[v] = F32::load(b + v * kLanes);
    UNROLL for (int i = 0; i < H; ++i) {
      const F32 x = F32::all(a[i][k]);
      UNROLL for (int v = 0; v < V; ++v) sum[i][v] = fma(x, w[v], sum[i][v]);
    }
  }
  UNROLL for (int i = 0; i < H; ++i) UNROLL for (int v = 0; v < V; ++v) sum[i][v].store(
      p.out[row + i] + column + v * kLanes);
}

// `rows` < M rows, whatever remains.
template <int M, int V>
INLINE void rest(const PanelProduct& p, std::int64_t row, std::int64_t rows, int column) {
  if constexpr (M > 1) {
    if (rows == M - 1) return tile<M - 1, V>(p, row, column);
    rest<M - 1, V>(p, row, rows, column);
  }
}

// All rows, at most M at a time and about as many each time.
template <int M, int V>
void all_rows(const PanelProduct& p, int column) {
  const std::int64_t tiles = (p.rows + M - 1) / M;
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::int64_t row = p.rows * t / tiles, rows = p.rows * (t + 1) / tiles - row;
    if (rows == M)
      tile<M, V>(p, row, column);
    else
      rest<M, V>(p, row, rows, column);
  }
}

void multiply(const PanelProduct& p) {
#if defined(__AVX512F__)
  if (p.columns == 64) return all_rows<6, 4>(p, 0);
  if (p.columns == 48) return all_rows<8, 3>(p, 0);
  if (p.columns == 32) return all_rows<12, 2>(p, 0);
  all_rows<12, 1>(p, 0);
#elif defined(__AVX2__)
  int column = 0;
  if (p.rows == 1)
    for (; column + 64 <= p.columns; column += 64) tile<1, 8>(p, 0, column);
  for (; column + 16 <= p.columns; column += 16) all_rows<6, 2>(p, column);
#else
  for (int column = 0; column + 16 <= p.columns; column += 16) all_rows<2, 4>(p, column);
#endif
}

INLINE void transpose4(const float* from, std::int64_t stride, float* to, std::int64_t step) {
  __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + stride);
  __m128 c = _mm_loadu_ps(from + 2 * stride), d = _mm_loadu_ps(from + 3 * stride);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(to, a);
  _mm_storeu_ps(to + step, b);
  _mm_storeu_ps(to + 2 * step, c);
  _mm_storeu_ps(to + 3 * step, d);
}

void pack_columns(const float* from, std::int64_t stride, std::int64_t depth, int count, float* to,
                  std::int64_t step) {
  int j = 0;
  for (; j + 4 <= count; j += 4) {
    const float* f = from + j * stride;
    std::int64_t k = 0;
    for (; k + 4 <= depth; k += 4) transpose4(f + k, stride, to + k * step + j, step);
    for (; k < depth; ++k)
      for (int i = 0; i < 4; ++i) to[k * step + j + i] = f[i * stride + k];
  }
  for (; j < count; ++j)
    for (std::int64_t k = 0; k < depth; ++k) to[k * step + j] = from[j * stride + k];
  for (; j < kPanelUnit; ++j)
    for (std::int64_t k = 0; k < depth; ++k) to[k * step + j] = 0;
}

}  // namespace

extern const PanelTable LEVEL_TABLE(panel_table);
const PanelTable LEVEL_TABLE(panel_table) = {multiply, pack_columns};

}  // namespace gossamer::kernels
