// Rows counted through several axes of tensors of the same extents, in segments whose addresses are
// evenly spaced.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/kernel.h"

namespace gossamer::kernels {

// T: tensors at most. Neighboring axes are merged where all strides allow it.
template <std::size_t T>
class RowWalk {
 public:
  using Strides = std::array<std::int64_t, T>;
  struct Segment {
    std::int64_t count = 0;
    Strides offsets{};  // of its first row
  };

  explicit RowWalk(std::size_t tensors = T) : tensors_(tensors) {}

  // The next axis inward.
  void add(std::int64_t extent, const Strides& strides) {
    rows_ *= extent;
    if (extent == 1) return;
    if (count_ > 0) {
      Axis& outer = axes_[count_ - 1];
      bool even = true;
      for (std::size_t t = 0; t < tensors_; ++t)
        even = even && outer.strides[t] == strides[t] * extent;
      if (even) {
        outer = {outer.extent * extent, strides};
        return;
      }
    }
    axes_[count_++] = {extent, strides};
  }

  std::int64_t rows() const { return rows_; }
  // From one row of a segment to the next.
  const Strides& steps() const { return axes_[count_ == 0 ? 0 : count_ - 1].strides; }

  // The longest segment from `row` on that ends at `end` at the latest.
  Segment segment(std::int64_t row, std::int64_t end) const {
    Segment s;
    s.count = end - row;
    std::int64_t left = row;
    for (std::size_t a = count_; a-- > 0;) {
      const Axis& axis = axes_[a];
      const std::int64_t at = a == 0 ? left : left % axis.extent;
      if (a > 0) left /= axis.extent;
      if (a + 1 == count_) s.count = std::min(axis.extent - at, s.count);
      for (std::size_t t = 0; t < tensors_; ++t) s.offsets[t] += at * axis.strides[t];
    }
    return s;
  }

  // Addresses of rows [row, row + count) of tensor 0.
  template <class Element>
  void addresses(Element* base, std::int64_t row, std::int64_t count, Element** out) const {
    const std::int64_t step = steps()[0];
    for (const std::int64_t end = row + count; row < end;) {
      const Segment s = segment(row, end);
      Element* at = base + s.offsets[0];
      for (std::int64_t i = 0; i < s.count; ++i, at += step) *out++ = at;
      row += s.count;
    }
  }

 private:
  struct Axis {
    std::int64_t extent = 1;
    Strides strides{};
  };
  std::array<Axis, kMaxAxes> axes_{};
  std::size_t count_ = 0, tensors_ = T;
  std::int64_t rows_ = 1;
};

}  // namespace gossamer::kernels
