// Movement of elements of 1, 2, 4, 8 and 16 bytes in two nested loops. Plain structs only (see
// level.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kElementSizes = 5;  // by log2 of the bytes

struct CopyTable {
  // y[i * sy] = x[i * sx] for i < n; strides in elements.
  void (*strided[kElementSizes])(const void* x, std::ptrdiff_t sx, void* y, std::ptrdiff_t sy,
                                 std::ptrdiff_t n);
  // y[i + j * sy] = x[i * sx + j] for i < rows, j < columns.
  void (*transpose[kElementSizes])(const void* x, std::ptrdiff_t sx, void* y, std::ptrdiff_t sy,
                                   std::ptrdiff_t rows, std::ptrdiff_t columns);
  // `rows` runs of `bytes` bytes, `sx` and `sy` bytes apart.
  void (*runs)(const void* x, std::ptrdiff_t sx, void* y, std::ptrdiff_t sy, std::ptrdiff_t rows,
               std::ptrdiff_t bytes);
};

}  // namespace gossamer::kernels
