// Activations as exporters spell them out in parts, for the passes that bring them back.
#pragma once

#include "graph/graph.h"

namespace gossamer {

// The graph with GELU and hard-swish as one Pointwise each, in the form that lowering the operator
// gives; those only for which the standard's `opset` has an operator.
Result<Graph> recover_activations_of(const Graph& graph, std::int64_t opset);

}  // namespace gossamer
