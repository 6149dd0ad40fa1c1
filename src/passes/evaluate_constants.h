// Computes nodes of constants while a pass rebuilds a graph.
#pragma once

#include <cstdint>
#include <vector>

#include "passes/rewriter.h"
#include "primitives/evaluator.h"

namespace gossamer {

// Results of a node all of whose operands are constants; none when they are not, when a result is
// no tensor, or when the results would have more than `growth` times the operands' bytes and
// `slack`.
std::vector<Value> evaluate_constants(const Rewriter& r, const Node& node, std::int64_t growth,
                                      std::int64_t slack);

}  // namespace gossamer
