// What the leaf code of Pool offers at each level.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

// What becomes of an element before it is combined, how two combine, and what ends a window.
enum class PoolCombine : std::uint8_t { max, sum, sum_abs, sum_square };
enum class PoolFinish : std::uint8_t { none, divide, root };

// `pixels` results of `columns` neighboring elements each: result i combines the elements of
// x + i * x_step at all `taps`.
template <class T>
struct PoolPixels {
  const T* x;
  std::int64_t x_step;
  T* y;
  std::int64_t y_step, pixels, columns;
  const std::int64_t* taps;
  std::int64_t tap_count;
  PoolFinish finish;
  float divisor;
};

// Results [0, outputs) of a row: result o combines row[o * stride + t * dilation - before] for
// t < kernel, where that lies in [0, inputs).
template <class T>
struct PoolRow {
  const T* row;
  T* y;
  std::int64_t inputs, outputs, kernel, stride, dilation, before;
};

struct PoolTable {
  void (*pixels)(PoolCombine, const PoolPixels<float>&);
  void (*row)(PoolCombine, const PoolRow<float>&);
  // y[i] = y[i] / (divisors[i] * factor), or the root of y[i].
  void (*divide)(float* y, const float* divisors, float factor, std::int64_t count);
  void (*root)(float* y, std::int64_t count);
  void (*pixels_u8)(const PoolPixels<std::uint8_t>&);
  void (*row_u8)(const PoolRow<std::uint8_t>&);
  void (*pixels_i8)(const PoolPixels<std::int8_t>&);
  void (*row_i8)(const PoolRow<std::int8_t>&);
};

}  // namespace gossamer::kernels
