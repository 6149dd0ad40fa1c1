// Shape arithmetic through Pointwise programs: elements are numbers or expressions over symbols.
#pragma once

#include "graph/infer.h"
#include "reference/pointwise.h"

namespace gossamer {

// Sets the contents of those integer and boolean results of `program` (all of shape `shape`) whose
// every element follows from the operands' contents. Does nothing for more than kMaxContents
// elements or extents that are not numbers.
void propagate_contents(const PointwiseProgram& program, const DimVector& shape, InferContext& c);

}  // namespace gossamer
