// In which order nodes run: one that holds little memory at once.
#pragma once

#include "graph/graph.h"

namespace gossamer::compile {

// The graph with its nodes in the best of a few orders: its own; operands that need most memory
// while they are made, and leave least, first (after Sethi and Ullman: The generation of optimal
// code for arithmetic expressions, 1970); what frees most next. Its own order stays unless another
// is better by some percent. Open extents are taken to be 64.
Graph order_for_memory(Graph graph);

// Bytes of the largest set of results that live at once in the graph's order; a Pointwise may write
// over an operand that it is the last to read.
std::int64_t estimated_peak(const Graph& graph);

}  // namespace gossamer::compile
