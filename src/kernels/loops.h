// The axes of several views with the same extents as nested loops: few and long ones.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "kernels/kernel.h"

namespace gossamer::kernels {

// Outermost first. Axes of extent 1 are left out; axes are ordered by falling strides of the first
// view; two that every view walks as one are one. At least one loop.
struct Loops {
  int rank = 0;
  std::array<std::int64_t, kMaxAxes> extents{};
  std::vector<std::array<std::int64_t, kMaxAxes>> strides;  // by view

  std::int64_t count() const;
  // Of the outermost `loops` loops alone.
  std::int64_t count(int loops) const;
  std::int64_t stride(std::size_t view, int loop) const {
    return strides[view][static_cast<std::size_t>(loop)];
  }
  // Moves a loop to another place; those between make room.
  void move(int from, int to);
  // The offset of one view at number `i` of the outermost `loops` loops, counted row-major.
  std::int64_t offset(std::size_t view, int loops, std::int64_t i) const;
};

// Steps through the outermost `count` loops of some views, row-major, with each view's offset.
template <std::size_t kViews>
class LoopWalk {
 public:
  LoopWalk(const Loops& loops, int count, std::int64_t begin) : loops_(loops), count_(count) {
    for (int l = count; l-- > 0;) {
      const std::int64_t n = loops.extents[static_cast<std::size_t>(l)];
      at_[static_cast<std::size_t>(l)] = begin % n;
      begin /= n;
      for (std::size_t v = 0; v < kViews; ++v)
        offset[v] += at_[static_cast<std::size_t>(l)] * loops.stride(v, l);
    }
  }
  void next() {
    for (int l = count_; l-- > 0;) {
      const auto k = static_cast<std::size_t>(l);
      for (std::size_t v = 0; v < kViews; ++v) offset[v] += loops_.stride(v, l);
      if (++at_[k] < loops_.extents[k]) return;
      for (std::size_t v = 0; v < kViews; ++v) offset[v] -= at_[k] * loops_.stride(v, l);
      at_[k] = 0;
    }
  }
  std::array<std::int64_t, kViews> offset{};

 private:
  const Loops& loops_;
  int count_;
  std::array<std::int64_t, kMaxAxes> at_{};
};

// The view with an axis split in two, the inner one `inner` long; fewer than kMaxAxes axes before.
View split_axis(View v, std::size_t axis, std::int64_t inner);

// Fails with internal where extents differ. Views `first` come before views `second`.
Result<Loops> make_loops(std::span<const View> first, std::span<const View> second);

}  // namespace gossamer::kernels
