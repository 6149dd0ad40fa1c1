// Softmax: exponentials along one axis, scaled to sum to one; or their logarithm.
#pragma once

#include <tuple>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// x (f32, f16, bf16; narrow floats in f32) -> y alike. The maximum is subtracted first; a row of
// -inf gives NaN. y may be the very same memory as x. Fast where x and y have stride 1 along the
// axis, good where another axis has stride 1.
struct SoftmaxStep {
  std::int64_t axis = 0;
  bool log = false;
  static constexpr auto kFields =
      std::tuple(field("axis", &SoftmaxStep::axis), field("log", &SoftmaxStep::log));
};
Result<PreparedPtr> prepare(const SoftmaxStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
