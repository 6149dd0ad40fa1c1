// Resize's leaf code: weighted sums along a row, and of rows.
#include "kernels/level.h"
#include "kernels/resize/resize_table.h"
#include "kernels/vector.h"

namespace gossamer::kernels {
namespace {

constexpr int kLanes = F32::kLanes;

// Runs too short for vectors.
void blend_short(const float* x, const std::int64_t* offset, const float* weight, std::int64_t taps,
                 std::int64_t outputs, std::int64_t run, float* __restrict out) {
  for (std::int64_t o = 0; o < outputs; ++o, offset += taps, weight += taps, out += run)
    for (std::int64_t j = 0; j < run; ++j) {
      float sum = 0;
      for (std::int64_t t = 0; t < taps; ++t)
        if (weight[t] != 0) sum += weight[t] * x[offset[t] + j];
      out[j] = sum;
    }
}

// Two taps of runs of one: no branches, so that neighbors overlap.
void blend_pairs(const float* x, const std::int64_t* offset, const float* weight,
                 std::int64_t outputs, float* __restrict out) {
  for (std::int64_t o = 0; o < outputs; ++o) {
    const float a = weight[2 * o], b = weight[2 * o + 1];
    const float left = a != 0 ? a * x[offset[2 * o]] : 0;
    const float right = b != 0 ? b * x[offset[2 * o + 1]] : 0;
    out[o] = left + right;
  }
}

void blend(const float* x, const std::int64_t* offset, const float* weight, std::int64_t taps,
           std::int64_t outputs, std::int64_t run, float* out) {
  if (run == 1 && taps == 2) return blend_pairs(x, offset, weight, outputs, out);
  if (run < 4) return blend_short(x, offset, weight, taps, outputs, run, out);
  for (std::int64_t o = 0; o < outputs; ++o, offset += taps, weight += taps, out += run) {
    std::int64_t j = 0;
    for (; j + 2 * kLanes <= run; j += 2 * kLanes) {
      F32 a = F32::zero(), b = F32::zero();
      for (std::int64_t t = 0; t < taps; ++t) {
        if (weight[t] == 0) continue;
        const F32 w = F32::all(weight[t]);
        const float* from = x + offset[t] + j;
        a = fma(w, F32::load(from), a);
        b = fma(w, F32::load(from + kLanes), b);
      }
      a.store(out + j);
      b.store(out + j + kLanes);
    }
    for (; j < run; j += kLanes) {
      const int n = run - j < kLanes ? static_cast<int>(run - j) : kLanes;
      F32 a = F32::zero();
      for (std::int64_t t = 0; t < taps; ++t)
        if (weight[t] != 0) a = fma(F32::all(weight[t]), F32::load_first(x + offset[t] + j, n), a);
      a.store_first(out + j, n);
    }
  }
}

template <int R>
INLINE void combine_of(const float* const* row, const float* weight, std::int64_t count, float* y) {
  std::int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    F32 a = F32::all(weight[0]) * F32::load(row[0] + j);
    for (int i = 1; i < R; ++i) a = fma(F32::all(weight[i]), F32::load(row[i] + j), a);
    a.store(y + j);
  }
  if (const int n = static_cast<int>(count - j); n > 0) {
    F32 a = F32::all(weight[0]) * F32::load_first(row[0] + j, n);
    for (int i = 1; i < R; ++i) a = fma(F32::all(weight[i]), F32::load_first(row[i] + j, n), a);
    a.store_first(y + j, n);
  }
}

void combine(const float* const* row, const float* weight, std::int64_t rows, std::int64_t count,
             float* y) {
  if (rows == 1) return combine_of<1>(row, weight, count, y);
  if (rows == 2) return combine_of<2>(row, weight, count, y);
  for (std::int64_t j = 0; j < count; j += kLanes) {
    const int n = count - j < kLanes ? static_cast<int>(count - j) : kLanes;
    F32 a = F32::zero();
    for (std::int64_t i = 0; i < rows; ++i)
      a = fma(F32::all(weight[i]), F32::load_first(row[i] + j, n), a);
    a.store_first(y + j, n);
  }
}

}  // namespace

extern const ResizeTable LEVEL_TABLE(resize_table);
const ResizeTable LEVEL_TABLE(resize_table) = {blend, combine};

}  // namespace gossamer::kernels
