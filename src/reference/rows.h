// Rows: a tensor with chosen axes moved last, so that what they span lies contiguous; and sums of a
// row in pairs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/float_bits.h"
#include "base/tensor.h"

namespace gossamer::reference {

// The axes moved last, in their order; shares x's bytes when they already are. Axes are distinct
// and in range.
Result<Tensor> axes_last(const Tensor& x, std::span<const int> axes);
// The inverse: y has the chosen axes last; they go back to their places.
Result<Tensor> axes_back(const Tensor& y, std::span<const int> axes);

// What a dtype computes in: f32 for the narrow floats, otherwise itself.
template <class T>
struct AccumulatorOf {
  using type = T;
};
template <>
struct AccumulatorOf<F16> {
  using type = float;
};
template <>
struct AccumulatorOf<BF16> {
  using type = float;
};
template <class T>
using Accumulator = typename AccumulatorOf<T>::type;

template <class T>
Accumulator<T> load(T v) {
  if constexpr (std::is_same_v<T, F16> || std::is_same_v<T, BF16>)
    return to_float(v);
  else
    return v;
}
template <class T>
T store(Accumulator<T> v) {
  if constexpr (std::is_same_v<T, F16> || std::is_same_v<T, BF16>)
    return round_to<T>(v);
  else
    return v;
}

// get(0) + ... + get(n-1) in one fixed order: blocks of 64 in eight lanes, blocks in pairs, so that
// rounding errors grow with log n. Integers wrap. 0 for n = 0.
template <class A, class F>
A pairwise_sum(std::int64_t begin, std::int64_t n, const F& get) {
  constexpr std::int64_t kBlock = 64;
  if (n > kBlock) {
    const std::int64_t half = (n / 2 + kBlock - 1) / kBlock * kBlock;
    return static_cast<A>(pairwise_sum<A>(begin, half, get) +
                          pairwise_sum<A>(begin + half, n - half, get));
  }
  A sum[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) sum[l] = static_cast<A>(sum[l] + get(begin + i + l));
  for (int l = 0; i < n; ++i, ++l) sum[l] = static_cast<A>(sum[l] + get(begin + i));
  return static_cast<A>(((sum[0] + sum[4]) + (sum[2] + sum[6])) +
                        ((sum[1] + sum[5]) + (sum[3] + sum[7])));
}

}  // namespace gossamer::reference
