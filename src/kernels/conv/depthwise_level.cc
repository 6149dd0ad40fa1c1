// Depthwise tiles: channels fill the vectors; each input is read once for all outputs of the tile
// that it belongs to, and a row of weights stays in registers meanwhile.
#include "kernels/conv/depthwise.h"
#include "kernels/level.h"
#include "kernels/vector.h"

namespace gossamer::kernels {
namespace {

#define UNROLL _Pragma("GCC unroll 32")

// X outputs from number `x0` on, of a tile that has `inputs` inputs a row.
template <int K, int S, int X, bool Even, bool Whole>
INLINE void channels(const DepthwiseTile& t, int x0, int inputs, std::int64_t c, int n) {
  constexpr int kInputs = (X - 1) * S + K;
  const auto load = [&](const float* p) __attribute__((always_inline)) {
    return Whole ? F32::load(p) : F32::load_first(p, n);
  };
  F32 sum[X];
  const F32 start = t.bias ? load(t.bias + c) : F32::zero();
  UNROLL for (int x = 0; x < X; ++x) sum[x] = start;
  const float* const* in = t.in + (Even ? 0 : x0 * S);
  const float* weights = t.weights + c;
  for (std::int64_t r = 0; r < t.rows; ++r, in += Even ? 1 : inputs, weights += K * t.stride) {
    const float* pixel = in[0] + c + x0 * S * t.pixel;
    F32 w[K];
    UNROLL for (int j = 0; j < K; ++j) w[j] = F32::load(weights + j * t.stride);
    UNROLL for (int i = 0; i < kInputs; ++i) {
      const F32 v = load(Even ? pixel : in[i] + c);
      pixel += t.pixel;
      UNROLL for (int x = 0; x < X; ++x) if (i - x * S >= 0 && i - x * S < K) sum[x] =
          fma(v, w[i - x * S], sum[x]);
    }
  }
  const F32 low = F32::all(t.low), high = F32::all(t.high);
  UNROLL for (int x = 0; x < X; ++x) {
    const F32 y = min_raw(high, max_raw(low, sum[x]));
    if constexpr (Whole)
      y.store(t.out[x0 + x] + c);
    else
      y.store_first(t.out[x0 + x] + c, n);
  }
}

#if defined(__AVX2__)
constexpr bool kWide = true;
#else
constexpr bool kWide = false;  // sixteen registers of four
#endif

template <int K, int S, int X, bool Even>
INLINE void all_channels(const DepthwiseTile& t) {
  // Outputs whose sums are made together: of whole vectors, of a rest.
  constexpr int kTogether = kWide || K <= 3 ? X : 1, kRest = kWide ? X : 1;
  constexpr int kInputs = (X - 1) * S + K;
  std::int64_t end = t.begin;
#pragma GCC unroll 1
  for (int x = 0; x < X; x += kTogether)
    for (end = t.begin; end + F32::kLanes <= t.end; end += F32::kLanes)
      channels<K, S, kTogether, Even, true>(t, x, kInputs, end, F32::kLanes);
  if (end == t.end) return;
#pragma GCC unroll 1
  for (int x = 0; x < X; x += kRest)
    channels<K, S, kRest, Even, false>(t, x, kInputs, end, static_cast<int>(t.end - end));
}

template <int K, int S, int X>
void tile(const DepthwiseTile& t) {
  if (t.pixel != 0)
    all_channels<K, S, X, true>(t);
  else
    all_channels<K, S, X, false>(t);
}

}  // namespace

#define WIDTHS(K, S) {tile<K, S, 7>, tile<K, S, 4>}

extern const DepthwiseTable LEVEL_TABLE(depthwise_table);
const DepthwiseTable LEVEL_TABLE(depthwise_table) = {{{WIDTHS(1, 1), {nullptr, nullptr}},
                                                      {WIDTHS(3, 1), WIDTHS(3, 2)},
                                                      {WIDTHS(5, 1), WIDTHS(5, 2)},
                                                      {WIDTHS(7, 1), WIDTHS(7, 2)}}};

}  // namespace gossamer::kernels
