// The loops that measure what a core can give at each level: arithmetic on registers alone, and
// reading. Plain structs, so that files of all levels may include it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::measure {

// Each runs `rounds` rounds over independent chains that start at `seed` (kPeakSeed numbers), and
// gives a number that depends on all of it.
using PeakLoop = float (*)(const float* seed, std::int64_t rounds);

inline constexpr int kPeakSeed = 64;

struct PeakTable {
  PeakLoop f32 = nullptr;  // multiplies and adds, fused where the level can
  double f32_ops = 0;      // of one round: additions and multiplications
  PeakLoop i8 = nullptr;   // u8 by i8 summed in i32 by the level's own instructions
  double i8_ops = 0;
  // Beyond the level; for CPUs that have them alone.
  PeakLoop i8_dot = nullptr;  // v3: AVX-VNNI; v4: AVX512-VNNI
  double i8_dot_ops = 0;
  PeakLoop bf16_dot = nullptr;  // v4: AVX512-BF16
  double bf16_dot_ops = 0;
  // Reads `count` floats, a multiple of 128.
  float (*read)(const float* from, std::int64_t count) = nullptr;
};

}  // namespace gossamer::measure
