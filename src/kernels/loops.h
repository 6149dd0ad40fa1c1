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
  std::int64_t inner() const { return extents[static_cast<std::size_t>(rank - 1)]; }
  std::int64_t stride(std::size_t view, int loop) const {
    return strides[view][static_cast<std::size_t>(loop)];
  }
  // The offset of one view at number `i` of the outermost `loops` loops, counted row-major.
  std::int64_t offset(std::size_t view, int loops, std::int64_t i) const;
};

// Fails with internal where extents differ. Views `first` come before views `second`.
Result<Loops> make_loops(std::span<const View> first, std::span<const View> second);

}  // namespace gossamer::kernels
