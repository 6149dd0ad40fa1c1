// What the leaf code of Resize offers at each level.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

struct ResizeTable {
  // out[o * run + j] = sum over t < taps of weight[o * taps + t] * x[offset[o * taps + t] + j], for
  // o < outputs and j < run; what weighs 0 is not read.
  void (*blend)(const float* x, const std::int64_t* offset, const float* weight, std::int64_t taps,
                std::int64_t outputs, std::int64_t run, float* out);
  // y[j] = sum over i < rows of weight[i] * row[i][j].
  void (*combine)(const float* const* row, const float* weight, std::int64_t rows,
                  std::int64_t count, float* y);
};

}  // namespace gossamer::kernels
