// Shape arithmetic through Pointwise programs: elements are numbers or expressions over symbols.
#pragma once

#include "graph/infer.h"
#include "reference/pointwise.h"

namespace gossamer {

// Sets the contents of those integer and boolean results of `program` (all of shape `shape`) whose
// every element follows from the operands' contents. Does nothing for more than kMaxContents
// elements or extents that are not numbers.
void propagate_contents(const PointwiseProgram& program, const DimVector& shape, InferContext& c);

// The shape that an i64 vector operand asks for: from its contents, else fresh symbols; nothing
// when its length is unknown.
Result<std::optional<DimVector>> shape_from_extent(InferContext& c, std::size_t operand);

}  // namespace gossamer
