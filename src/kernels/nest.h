// Loops over the coordinates of several operands at once: extents, and one stride an operand.
// Neighboring axes that run on without a gap in all operands are merged as they are added.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/kernel.h"

namespace gossamer::kernels {

template <std::size_t N>
class Nest {
 public:
  using Offsets = std::array<std::int64_t, N>;

  // Adds an axis inside those added before.
  void add(std::int64_t extent, const Offsets& strides) {
    if (extent == 1) return;
    count_ *= extent;
    if (rank_ > 0) {
      bool runs_on = true;
      for (std::size_t i = 0; i < N; ++i)
        runs_on = runs_on && strides_[rank_ - 1][i] == extent * strides[i];
      if (runs_on) {
        extents_[rank_ - 1] *= extent;
        strides_[rank_ - 1] = strides;
        return;
      }
    }
    extents_[rank_] = extent;
    strides_[rank_++] = strides;
  }

  // Positions in all.
  std::int64_t count() const { return count_; }
  std::size_t rank() const { return rank_; }
  std::int64_t extent(std::size_t axis) const { return extents_[axis]; }
  const Offsets& strides(std::size_t axis) const { return strides_[axis]; }

  // Takes the innermost axis away when its strides are `strides`, and gives its extent; else 1.
  std::int64_t take_inner(const Offsets& strides) {
    if (rank_ == 0 || strides_[rank_ - 1] != strides) return 1;
    const std::int64_t extent = extents_[--rank_];
    count_ = 1;
    for (std::size_t i = 0; i < rank_; ++i) count_ *= extents_[i];
    return extent;
  }

  // Calls f(offsets) for positions [begin, end) of all, the last axis fastest.
  template <class F>
  void each(std::int64_t begin, std::int64_t end, F&& f) const {
    if (begin >= end) return;
    std::array<std::int64_t, kMost> at{};
    Offsets offsets{};
    std::int64_t rest = begin;
    for (std::size_t d = rank_; d-- > 0;) {
      at[d] = rest % extents_[d];
      rest /= extents_[d];
      for (std::size_t i = 0; i < N; ++i) offsets[i] += at[d] * strides_[d][i];
    }
    for (std::int64_t n = begin; n < end; ++n) {
      f(static_cast<const Offsets&>(offsets));
      for (std::size_t d = rank_; d-- > 0;) {
        for (std::size_t i = 0; i < N; ++i) offsets[i] += strides_[d][i];
        if (++at[d] < extents_[d]) break;
        for (std::size_t i = 0; i < N; ++i) offsets[i] -= at[d] * strides_[d][i];
        at[d] = 0;
      }
    }
  }
  template <class F>
  void each(F&& f) const {
    each(0, count_, static_cast<F&&>(f));
  }

 private:
  static constexpr std::size_t kMost = 2 * kMaxAxes;
  std::size_t rank_ = 0;
  std::int64_t count_ = 1;
  std::array<std::int64_t, kMost> extents_{};
  std::array<Offsets, kMost> strides_{};
};

}  // namespace gossamer::kernels
