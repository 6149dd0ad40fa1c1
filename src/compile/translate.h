// An expression of the graph as a vector program.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "kernels/pointwise/program.h"
#include "reference/pointwise.h"

namespace gossamer::compile {

// Input i of the vector program stands for inputs[i] of the expression: one of its inputs, or an
// instruction's result that is computed elsewhere. Nothing when some instruction that the results
// need has no vector form.
std::optional<kernels::VectorProgram> translate(const PointwiseProgram& program,
                                                std::span<const Ref> inputs);

}  // namespace gossamer::compile
