// The (index, weight) tables of Resize: one an axis, built once a run.
#pragma once

#include <vector>

#include "reference/resize.h"

namespace gossamer::reference {

// Result o of an axis is the sum over i < taps of weight[o,i] * x[index[o,i]], or the
// extrapolation value where outside[o].
struct ResizeTable {
  std::int64_t taps = 1;
  Tensor index;    // i64 [output, taps]
  Tensor weight;   // f64 [output, taps]
  Tensor outside;  // bool [output]
};

// `start` and `end` are the axis's region of interest (tf_crop_and_resize).
Result<ResizeTable> resize_table(const ResizeAttributes& a, const ResizeAxis& axis, double start,
                                 double end, Context& c);

}  // namespace gossamer::reference
