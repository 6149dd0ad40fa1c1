// Transforms of F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2015), along columns first, then along rows. The points are 0, +-sqrt(1/2), +-sqrt(2) and
// infinity: with 1 and 2 instead of the roots the error is some three times as large (see Barabasz
// et al., "Error Analysis and Improving the Accuracy of Winograd Convolution", 2020).
#include "kernels/conv/winograd_table.h"
#include "kernels/level.h"
#include "kernels/vector_int.h"

namespace gossamer::kernels {
namespace {

#if defined(__AVX2__)
#define UNROLL _Pragma("GCC unroll 36")
#else
#define UNROLL _Pragma("GCC unroll 1")  // 16 registers of 4: all lies in memory anyway
#endif

constexpr int kIn = kWinogradIn, kOut = kWinogradOut;

constexpr float kHalfRoot = 0.70710678F, kRoot = 1.41421356F;  // sqrt(1/2), sqrt(2)

// B^T d.
INLINE void transform_input(F32* d) {
  const F32 first = fma(F32::all(-2.5F), d[2], d[0] + d[4]);
  const F32 last = fma(F32::all(-2.5F), d[3], d[1] + d[5]);
  const F32 p = fma(F32::all(-2), d[2], d[4]), t = fma(F32::all(-2), d[1], d[3]);
  const F32 q = fma(F32::all(-0.5F), d[2], d[4]), u = fma(F32::all(-0.5F), d[1], d[3]);
  d[0] = first;
  d[1] = fma(F32::all(kHalfRoot), t, p);
  d[2] = fma(F32::all(-kHalfRoot), t, p);
  d[3] = fma(F32::all(kRoot), u, q);
  d[4] = fma(F32::all(-kRoot), u, q);
  d[5] = last;
}

// A^T m.
INLINE void transform_output(const F32* m, F32* y) {
  const F32 p = m[1] + m[2], q = m[1] - m[2], r = m[3] + m[4], s = m[3] - m[4];
  y[0] = m[0] + (p + r);
  y[1] = fma(F32::all(kRoot), s, F32::all(kHalfRoot) * q);
  y[2] = fma(F32::all(2), r, F32::all(0.5F) * p);
  y[3] = fma(F32::all(2 * kRoot), s, fma(F32::all(kHalfRoot / 2), q, m[5]));
}

float input(const float* const* in, std::int64_t channels, float* v, std::int64_t stride) {
  F32 sum = F32::zero();
  for (std::int64_t c = 0; c < channels; c += F32::kLanes) {
    const int n = channels - c < F32::kLanes ? static_cast<int>(channels - c) : F32::kLanes;
    F32 d[kIn][kIn];
    UNROLL for (int x = 0; x < kIn; ++x) {
      F32 k[kIn];
      if (n == F32::kLanes)
        UNROLL for (int y = 0; y < kIn; ++y) k[y] = F32::load(in[y * kIn + x] + c);
      else
        UNROLL for (int y = 0; y < kIn; ++y) k[y] = F32::load_first(in[y * kIn + x] + c, n);
      transform_input(k);
      UNROLL for (int y = 0; y < kIn; ++y) d[y][x] = k[y];
    }
    UNROLL for (int y = 0; y < kIn; ++y) {
      transform_input(d[y]);
      UNROLL for (int x = 0; x < kIn; ++x) d[y][x].store(v + (y * kIn + x) * stride + c);
    }
    // Every input is in one of the corners.
    sum = sum + (abs(d[0][0]) + abs(d[0][5])) + (abs(d[5][0]) + abs(d[5][5]));
  }
  return ::gossamer::kernels::sum(sum);
}

// Rows of G w G^T.
void weights(const float* w, std::int64_t count, int row, float* u, std::int64_t stride) {
  constexpr float kG[kIn][3] = {{1, 0, 0},
                                {-2.F / 3, -kRoot / 3, -1.F / 3},
                                {-2.F / 3, kRoot / 3, -1.F / 3},
                                {1.F / 6, kRoot / 6, 1.F / 3},
                                {1.F / 6, -kRoot / 6, 1.F / 3},
                                {0, 0, 1}};
  const F32 g0 = F32::all(kG[row][0]), g1 = F32::all(kG[row][1]), g2 = F32::all(kG[row][2]);
  for (std::int64_t i = 0; i < count; i += F32::kLanes, w += F32::kLanes, u += F32::kLanes) {
    F32 t[3];
    UNROLL for (int x = 0; x < 3; ++x) t[x] =
        fma(g0, F32::load(w + x * count),
            fma(g1, F32::load(w + (3 + x) * count), g2 * F32::load(w + (6 + x) * count)));
    const F32 third = F32::all(1.F / 3) * t[2];
    const F32 near = fma(F32::all(-2.F / 3), t[0], F32::zero() - third);
    const F32 far = fma(F32::all(1.F / 6), t[0], third);
    t[0].store(u);
    fma(F32::all(-kRoot / 3), t[1], near).store(u + stride);
    fma(F32::all(kRoot / 3), t[1], near).store(u + 2 * stride);
    fma(F32::all(kRoot / 6), t[1], far).store(u + 3 * stride);
    fma(F32::all(-kRoot / 6), t[1], far).store(u + 4 * stride);
    t[2].store(u + 5 * stride);
  }
}

void output(const float* m, std::int64_t stride, const float* bias, float low, float high,
            float* const* out, std::int64_t columns) {
  const F32 lowest = F32::all(low), highest = F32::all(high);
  for (std::int64_t i = 0; i < columns; i += F32::kLanes) {
    const int n = columns - i < F32::kLanes ? static_cast<int>(columns - i) : F32::kLanes;
    const F32 start = bias ? F32::load_first(bias + i, n) : F32::zero();
    F32 d[kOut][kIn];
    UNROLL for (int x = 0; x < kIn; ++x) {
      F32 k[kIn], y[kOut];
      UNROLL for (int p = 0; p < kIn; ++p) k[p] = F32::load(m + (p * kIn + x) * stride + i);
      transform_output(k, y);
      UNROLL for (int p = 0; p < kOut; ++p) d[p][x] = y[p];
    }
    UNROLL for (int y = 0; y < kOut; ++y) {
      F32 k[kOut];
      transform_output(d[y], k);
      UNROLL for (int x = 0; x < kOut; ++x) {
        const F32 v = min_raw(highest, max_raw(lowest, k[x] + start));
        if (n == F32::kLanes)
          v.store(out[y * kOut + x] + i);
        else
          v.store_first(out[y * kOut + x] + i, n);
      }
    }
  }
}

}  // namespace

extern const WinogradTable LEVEL_TABLE(winograd_table);
const WinogradTable LEVEL_TABLE(winograd_table) = {input, weights, output};

}  // namespace gossamer::kernels
