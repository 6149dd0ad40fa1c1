// Leaving out of a graph what nothing reads, and naming what stays.
#pragma once

#include <span>
#include <string>

#include "graph/graph.h"

namespace gossamer {

// The graph without dead nodes and unread constants; its outputs go by `output_names`. Results of
// live nodes stay even if nobody reads them. An origin stays when as many of its nodes live as
// `origin_nodes` says and all values that it names are at hand; the nodes of the others lose it.
Result<Graph> compact(const Graph& graph, std::span<const std::string> output_names,
                      std::span<const std::int32_t> origin_nodes);

}  // namespace gossamer
