// What the leaf code of Attention offers at each level.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

// One query's products with a block of keys, of which [lo, hi) are open; turned into
// exp(score - top) in place, 0 where closed. `scores` and `bias` have room up to a multiple of 16.
struct ScoreRow {
  float* scores;
  std::int64_t lo, hi, keys;
  const float* bias;  // added to the scaled product; -inf closes; may be null
  float scale, softcap;
  float *top, *sum;  // the running maximum, and the sum of exponentials under it
};

struct AttentionTable {
  // Returns by what everything summed under the old maximum is to be multiplied.
  float (*weigh)(const ScoreRow&);
  void (*multiply)(float* row, float factor, std::int64_t count);
  void (*divide)(const float* row, float by, float* to, std::int64_t count);
  // out[j] = sum over i < depth of q[i] * k[j * stride + i], for j < count.
  void (*dots)(const float* q, const float* k, std::int64_t stride, std::int64_t depth,
               std::int64_t count, float* out);
};

}  // namespace gossamer::kernels
