// What evaluators and passes ask of a graph's order: last uses, what is reachable, sorting.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace gossamer {

// For each value the last node that reads it; `nodes.size()` for outputs of the graph, which live
// to its end; kNoNode for values that nobody reads.
std::vector<NodeId> last_uses(const Graph& graph);

// For each node whether an output of the graph depends on it.
std::vector<bool> live_nodes(const Graph& graph);

// Puts the nodes into an order of execution, each as near to its place as its operands allow, and
// renumbers producers. Fails with malformed when nodes wait for one another, and names the cycle;
// the graph is then unchanged. Every operand must be a valid id.
Status sort_nodes(Graph& graph);

}  // namespace gossamer
