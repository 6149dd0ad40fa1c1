// Reductions of runs and of columns side by side. Plain structs only (see level.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {

// exponentials: the sum of exp(x - shift); squares: the sum of (x - shift)^2.
enum class Fold : std::uint8_t { sum, prod, max, min, exponentials, squares };
inline constexpr int kFolds = 6;

struct ReduceTable {
  // `result` with n elements more.
  double (*row[kFolds])(const float* x, std::ptrdiff_t n, double result, float shift);
  // results[c] with x[r * sx + c] for r < rows, for each c < columns; shifts: one a column, or null
  // for 0.
  void (*columns[kFolds])(const float* x, std::ptrdiff_t sx, std::ptrdiff_t rows,
                          std::ptrdiff_t columns, double* results, const float* shifts);
  // Integers of 32 and 64 bits at a stride; the first four folds; wrapping in 64 bits.
  std::int64_t (*integers[2][4])(const void* x, std::ptrdiff_t n, std::ptrdiff_t stride,
                                 std::int64_t result);
};

}  // namespace gossamer::kernels
