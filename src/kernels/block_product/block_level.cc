// Weights of few bits become floats in registers, in passing, and are multiplied as such.
#include "kernels/block_product/block_table.h"
#include "kernels/level.h"
#include "kernels/vector_int.h"

namespace gossamer::kernels {
namespace {

#define UNROLL _Pragma("GCC unroll 32")

using u8 = std::uint8_t;

constexpr int kLanes = F32::kLanes;
constexpr int kVectors = kBlockPanel / kLanes;  // vectors of a panel
constexpr int kAhead = 2048;                    // bytes from what is read to what is fetched

#if defined(__AVX512F__)
constexpr int kHeight = 8, kRowVectors = 4, kTileVectors = 2;
INLINE I32 widen(const u8* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
// The lowest four bits of each lane.
INLINE F32 nibbles(I32 v) {
  const __m512 numbers = _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return {_mm512_permutexvar_ps(v.v, numbers)};
}
INLINE I32 next_nibbles(I32 v) { return {_mm512_srli_epi32(v.v, 4)}; }
#elif defined(__AVX2__)
constexpr int kHeight = 4, kRowVectors = 4, kTileVectors = 2;
INLINE I32 widen(const u8* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
INLINE F32 nibbles(I32 v) { return to_float(v & I32::all(15)); }
INLINE I32 next_nibbles(I32 v) { return {_mm256_srli_epi32(v.v, 4)}; }
#else
constexpr int kHeight = 2, kRowVectors = 4, kTileVectors = 4;
INLINE I32 widen(const u8* p) {
  int x;
  __builtin_memcpy(&x, p, 4);
  return {_mm_cvtepu8_epi32(_mm_cvtsi32_si128(x))};
}
INLINE F32 nibbles(I32 v) { return to_float(v & I32::all(15)); }
INLINE I32 next_nibbles(I32 v) { return {_mm_srli_epi32(v.v, 4)}; }
#endif

// H rows by V vectors of columns.
template <int Bits, int V, int H>
void tile(const BlockTile& t) {
  F32 sum[H][V];
  UNROLL for (int i = 0; i < H; ++i) UNROLL for (int j = 0; j < V; ++j) sum[i][j] = F32::zero();
  const float* x[H];
  UNROLL for (int i = 0; i < H; ++i) x[i] = t.rows[i];
  const u8* at[V];
  UNROLL for (int j = 0; j < V; ++j) at[j] = t.panels + j / kVectors * t.panel;
  const bool zeros = t.zeros;
  for (std::int64_t k = 0; k < t.k;) {
    const std::int64_t end = t.k - k < t.block ? t.k : k + t.block;
    F32 scale[V], zero[V];
    UNROLL for (int j = 0; j < V; ++j) {
      const int lane = j % kVectors * kLanes;
      scale[j] = F32::load(reinterpret_cast<const float*>(at[j]) + lane);
      at[j] += kBlockPanel * sizeof(float);
      zero[j] = F32::all(Bits == 4 ? 8 : 128);
      if (zeros) {
        zero[j] = to_float(widen(at[j] + lane));
        at[j] += kBlockPanel;
      }
    }
    for (; k < end; k += kBlockRun) {
      if constexpr (Bits == 4) {
        I32 q[V];
        UNROLL for (int j = 0; j < V; ++j) {
          q[j] = I32::load(at[j] + j % kVectors * kLanes * 4);
          if (H == 1) __builtin_prefetch(at[j] + kAhead);
          at[j] += kBlockPanel * 4;
        }
        for (int s = 0; s < kBlockRun; ++s) {
          F32 w[V];
          UNROLL for (int j = 0; j < V; ++j) {
            w[j] = (nibbles(q[j]) - zero[j]) * scale[j];
            q[j] = next_nibbles(q[j]);
          }
          UNROLL for (int i = 0; i < H; ++i) {
            const F32 a = F32::all(x[i][k + s]);
            UNROLL for (int j = 0; j < V; ++j) sum[i][j] = fma(a, w[j], sum[i][j]);
          }
        }
      } else {
        for (int s = 0; s < kBlockRun; ++s) {
          F32 w[V];
          UNROLL for (int j = 0; j < V; ++j) {
            w[j] = (to_float(widen(at[j] + j % kVectors * kLanes)) - zero[j]) * scale[j];
            at[j] += kBlockPanel;
          }
          UNROLL for (int i = 0; i < H; ++i) {
            const F32 a = F32::all(x[i][k + s]);
            UNROLL for (int j = 0; j < V; ++j) sum[i][j] = fma(a, w[j], sum[i][j]);
          }
        }
      }
    }
  }
  UNROLL for (int i = 0; i < H; ++i) UNROLL for (int j = 0; j < V; ++j) sum[i][j].store(t.out[i] +
                                                                                        j * kLanes);
}

}  // namespace

extern const BlockTable LEVEL_TABLE(block_table);
const BlockTable LEVEL_TABLE(block_table) = {
    {{tile<4, kRowVectors, 1>, tile<4, kTileVectors, kHeight>},
     {tile<8, kRowVectors, 1>, tile<8, kTileVectors, kHeight>}},
    kHeight,
    {kRowVectors / kVectors, kTileVectors / kVectors}};

}  // namespace gossamer::kernels
