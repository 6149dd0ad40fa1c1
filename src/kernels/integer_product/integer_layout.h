// How packed weights of an integer product lie, and how its columns are numbered: those of a group
// in whole panels, of depthwise convolutions in whole blocks of channels.
#pragma once

#include <cstdint>

#include "kernels/integer_product/integer_product.h"
#include "kernels/integer_product/integer_table.h"

namespace gossamer::kernels {

struct IntegerLayout {
  explicit IntegerLayout(const IntegerProductStep& step);

  bool depthwise = false;
  std::int64_t taps = 1;
  std::int64_t channels = 0, filters = 0;  // of a group
  std::int64_t run = 0;                    // bytes of a tap: channels rounded up to quads
  std::int64_t panels = 0;                 // of a group
  std::int64_t panel = 0;                  // bytes of a panel
  std::int64_t columns = 0;                // of all groups, padded
  std::int64_t quads = 0;                  // depthwise: of a channel's taps
  // Depthwise: a kernel with few lines is packed column by column, each in whole quads.
  bool strips = false;
  std::int64_t kernel_columns = 1, line_quads = 0;
  // Where a tap stands among the quads.
  std::int64_t tap_place(std::int64_t tap) const {
    if (!strips) return tap;
    return tap % kernel_columns * line_quads * kQuad + tap / kernel_columns;
  }
  std::int64_t weights = 0;  // bytes
  // After the weights: i32[columns] sums of each column's weights, i32[columns] of bias.
  std::int64_t size() const { return weights + 8 * columns; }
};

}  // namespace gossamer::kernels
