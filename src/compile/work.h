// How much of a graph's work is done by which code, estimated when it is compiled.
#pragma once

#include <map>
#include <string>

#include "graph/graph.h"

namespace gossamer::compile {

// Work is counted in flops for products and in elements, read or made, for the rest; open extents
// count as 64, and bodies of branches and loops once.
struct WorkReport {
  double total = 0;
  std::map<std::string, double> scalar;  // by scalar code, by primitive

  // Of the work, what scalar code does: 0 to 1.
  double scalar_share() const;
};

// The work of one run of a node without its bodies; 0 for what only runs those.
double work_of(const Graph& graph, NodeId id);

}  // namespace gossamer::compile
