// Products of bf16 with sums in f32, as products of "floats" that are pairs of neighbors along K:
// rows, panels and tiles are those of floats, half as deep.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/gemm/tiling.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// Tiles whose elements are such pairs: dot products of AVX512-BF16 where the machine has them, each
// pair by two multiply-adds elsewhere.
const GemmTable& pair_table(Level level);

// Whether this machine multiplies bf16 clearly faster than f32 on its best level, conversions
// included: by its instructions and, once, by the clock.
bool bf16_pays();

// A view of bf16 as one of pairs along `axis`: internal where it has no even extent there, or where
// pairs do not lie side by side.
Result<View> as_pairs(const View& view, int axis);

// x rounded to even, as the upper half of a float.
std::uint16_t bf16_of(float x);
// Pairs [outer][pairs][inner] of w[outer][2 * pairs][inner].
std::vector<float> pairs_of(const float* w, std::int64_t outer, std::int64_t pairs,
                            std::int64_t inner);

}  // namespace gossamer::kernels
