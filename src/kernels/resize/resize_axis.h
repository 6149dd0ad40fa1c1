// The (index, weight) tables of Resize: one an axis, built when a step is prepared.
#pragma once

#include <vector>

#include "kernels/resize/resize.h"

namespace gossamer::kernels {

// Result o of the axis is the sum over i < taps of weight[o * taps + i] * x[index[o * taps + i]].
struct ResizeAxis {
  std::int64_t input = 0, output = 0, taps = 1;
  std::int64_t x_stride = 0, y_stride = 0;
  std::vector<std::int64_t> index;
  std::vector<float> weight;  // none for nearest
};

// Fills in the table of an axis whose extents are set.
Status fill_table(const ResizeStep& step, double scale, ResizeAxis& axis);

}  // namespace gossamer::kernels
