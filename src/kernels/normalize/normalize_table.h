// The second half of normalization: scaling and shifting. Plain structs only (see level.h).
#pragma once

#include <cstddef>

namespace gossamer::kernels {

// A factor or summand along a run: one an element, or (step 0) one for all; null: none.
struct AlongRun {
  const float* data = nullptr;
  std::ptrdiff_t step = 0;
};

struct NormalizeTable {
  // y = (x - mean) * inverse * scale + bias for n elements; y may be x.
  void (*row)(const float* x, float* y, std::ptrdiff_t n, float mean, float inverse, AlongRun scale,
              AlongRun bias);
  // y[r * sy + c] = (x[r * sx + c] - mean[c]) * factor[c] + bias[c].
  void (*columns)(const float* x, std::ptrdiff_t sx, float* y, std::ptrdiff_t sy,
                  std::ptrdiff_t rows, std::ptrdiff_t columns, const float* mean,
                  const float* factor, const float* bias);
};

}  // namespace gossamer::kernels
