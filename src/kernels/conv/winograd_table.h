// The leaf of Winograd convolutions F(4x4, 3x3): the three transforms, all channels of one tile or
// panel at a time. A plain struct, so that files of all levels may include it.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kWinogradOut = 4;  // outputs of a tile along an axis
inline constexpr int kWinogradIn = 6;   // inputs, and points of a transform
inline constexpr int kWinogradPoints = kWinogradIn * kWinogradIn;

struct WinogradTable {
  // v[point * stride + c] for the pixels in[y * 6 + x][c] of a tile, c < channels. Gives a sum of
  // magnitudes that is not below kWinogradMost where numbers are not finite or so large that
  // products of transforms might not be.
  float (*input)(const float* const* in, std::int64_t channels, float* v, std::int64_t stride);
  // u[column * stride + i] for the points (row, column) of weights w[(y * 3 + x) * count + i],
  // i < count, a multiple of 16.
  void (*weights)(const float* w, std::int64_t count, int row, float* u, std::int64_t stride);
  // out[y * 4 + x][i] = clamp(bias[i] + outputs of the tile m[point * stride + i]) for i < columns;
  // m may be read up to the next multiple of 16.
  void (*output)(const float* m, std::int64_t stride, const float* bias, float low, float high,
                 float* const* out, std::int64_t columns);
};
inline constexpr float kWinogradMost = 1e34F;

}  // namespace gossamer::kernels
