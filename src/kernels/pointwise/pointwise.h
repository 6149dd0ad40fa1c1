// Pointwise: a VectorProgram over whole tensors.
#pragma once

#include <tuple>

#include "base/attributes.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

struct PointwiseStep {
  VectorProgram program;
  static constexpr auto kFields = std::tuple(field("program", &PointwiseStep::program));
};

// inputs -> outputs, dtypes as the program says. All views have the same rank and extents; inputs
// are broadcast by strides of 0. An output may be the very same memory as an input (same view).
// Fast for any order of axes that inputs and outputs share, with broadcasts along whole axes.
Result<PreparedPtr> prepare(const PointwiseStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
