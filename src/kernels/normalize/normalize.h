// Normalize: rows brought to mean 0 and variance 1, then scaled and shifted.
#pragma once

#include <tuple>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// x [, scale] [, bias] -> y [, mean] [, inverse deviation]. x and y f32, f16 or bf16; scale and
// bias of x's dtype, with x's extents (broadcast by strides of 0); statistics f32, in f32, with
// extent 1 on the normalized axes (groups: extents n, groups, 1...). A result left out has rank -1.
// y = (x - mean) / sqrt(variance + epsilon) * scale + bias; narrow floats are rounded once before
// the scale and once at the end. y may be the very same memory as x.
// Fast where the normalized axes lie contiguous, and where x is channels-last and normalized over
// its spatial axes or groups of channels.
struct NormalizeStep {
  std::vector<std::int64_t> axes;  // what a row spans; distinct
  std::int64_t groups = 0;  // > 0: rows are instead axis 1, cut in so many parts, and all after it
  bool center = true;       // false: the mean counts as 0
  float epsilon = 1e-5F;
  static constexpr auto kFields = std::tuple(
      field("axes", &NormalizeStep::axes), field("groups", &NormalizeStep::groups),
      field("center", &NormalizeStep::center), field("epsilon", &NormalizeStep::epsilon));
};
Result<PreparedPtr> prepare(const NormalizeStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
