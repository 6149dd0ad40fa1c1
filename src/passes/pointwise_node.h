// Pointwise nodes under construction: operands and the program over them.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "passes/expression.h"

namespace gossamer {

struct Expression {
  std::vector<ValueId> operands;
  PointwiseProgram program;
};

// The shape that operands broadcast to; nothing when one is not known.
std::optional<DimVector> shape_of(const Graph& graph, std::span<const ValueId> operands);
// Leaves out operands that the program does not read and the shape does not need.
void drop_operands(const Graph& graph, const DimVector& shape, Expression& e);
// What an operand is to a program that is being rebuilt: one of its inputs, a constant if the value
// is one of a single element. `operands` and `refs` tell what is known already and grow.
Ref operand_ref(const Graph& graph, Simplifier& s, ValueId v, std::vector<ValueId>& operands,
                std::vector<Ref>& refs);
// Whether a program counts places: `index` and `extent` are of the axes of its own results.
bool by_place(const PointwiseProgram& program);

}  // namespace gossamer
