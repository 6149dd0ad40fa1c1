// What a graph costs, without running it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace gossamer {

struct GraphSummary {
  std::map<std::string, std::int64_t> primitives;  // nodes by primitive, bodies included
  std::int64_t parameters = 0;  // elements of floating and integer constants of rank 1 and more
  std::map<std::string, std::int64_t> constant_bytes;  // by dtype, as held
  Dim macs;                                            // of one run, each body once
  // Most bytes that values live at one time in the order of execution, constants apart; at a
  // node with bodies what the largest of them holds is added. Nothing when an extent is open.
  std::optional<std::int64_t> peak_activation_bytes;
};

GraphSummary summarize(const Graph& graph);
// Multiply-accumulates of one run of a node, bodies not included.
Dim macs_of(const Graph& graph, const Node& node);

}  // namespace gossamer
