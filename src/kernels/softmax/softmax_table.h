// Softmax over rows or columns of floats. Plain structs only (see level.h).
#pragma once

#include <cstddef>

namespace gossamer::kernels {

struct SoftmaxTable {
  // One row of n elements; y may be x.
  void (*row)(const float* x, float* y, std::ptrdiff_t n, bool log);
  // `columns` columns side by side, each of n elements sx (sy) apart.
  void (*columns)(const float* x, std::ptrdiff_t sx, float* y, std::ptrdiff_t sy, std::ptrdiff_t n,
                  std::ptrdiff_t columns, bool log);
};

}  // namespace gossamer::kernels
