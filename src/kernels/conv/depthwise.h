// The leaf of convolutions with one channel a group: all channels of a few neighboring outputs. A
// plain struct, so that files of all levels may include it.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

// Tiles of 7 outputs make rows of 7, 14, 28, 56 and 112 whole; those of 4 fit most others.
inline constexpr int kDepthwiseWidths[] = {7, 4};

// out[x][c] = clamp(bias[c] + sum over rows r and j < kernel of
//   input(r, x * step + j)[c] * weights[(r * kernel + j) * stride + c])
// for x < width and begin <= c < end, where input(r, i) is in[r] + i * pixel, or, if pixel is 0,
// in[r * inputs + i] with inputs = (width - 1) * step + kernel.
struct DepthwiseTile {
  const float* const* in = nullptr;
  std::int64_t pixel = 0;
  float* const* out = nullptr;
  std::int64_t rows = 0;
  const float* weights = nullptr;
  std::int64_t stride = 0;  // a multiple of 16, so that whole vectors may be read
  std::int64_t begin = 0, end = 0;
  const float* bias = nullptr;  // or null: 0
  float low = 0, high = 0;
};
using DepthwiseFunction = void (*)(const DepthwiseTile&);

struct DepthwiseTable {
  DepthwiseFunction tile[4][2][2];  // [kernel 1, 3, 5, 7][step - 1][width 7, 4]; kernel 1: step 1
};

}  // namespace gossamer::kernels
