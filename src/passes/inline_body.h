// Putting the nodes of a body where the node that holds it stands.
#pragma once

#include <span>
#include <vector>

#include "passes/rewriter.h"

namespace gossamer {

// Adds the body's nodes with `inputs` (values of the graph under construction) for its inputs;
// gives the values of its outputs. An input may be handed out as it is.
Result<std::vector<ValueId>> inline_body(Rewriter& r, const Graph& body,
                                         std::span<const ValueId> inputs);

}  // namespace gossamer
