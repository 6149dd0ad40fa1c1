// Pass: a named pure function from a graph to a graph that computes the same answers, and how lists
// of them are run.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace gossamer {

// What a pass makes of a graph: nothing when it leaves the graph as it is.
using Rewritten = std::optional<Graph>;

struct Pass {
  std::string_view name;
  std::string_view summary;  // what it does, for a user
  Result<Rewritten> (*run)(const Graph& graph) = nullptr;
};

// What a graph costs: the figures of a report.
struct GraphCost {
  std::int64_t nodes = 0;  // bodies included
  Dim macs;
  std::int64_t constant_bytes = 0;
  std::optional<std::int64_t> peak_bytes;  // nothing while an extent is open
};
GraphCost cost_of(const Graph& graph);

// What one pass did over all rounds.
struct PassEffect {
  std::string_view name;
  int changed = 0;  // in how many rounds it changed the graph
  // Sums over the rounds: after minus before.
  std::int64_t nodes = 0, constant_bytes = 0;
  Dim macs;
  std::optional<std::int64_t> peak_bytes = 0;
};

struct PassReport {
  Graph graph;
  GraphCost before, after;
  std::vector<PassEffect> effects;  // one a pass, in order
  int rounds = 0;
};

struct PassOptions {
  int max_rounds = 4;   // the list is run again while it still changes the graph
  bool verify = false;  // check every invariant after each pass
  bool measure = true;  // fill in costs and effects; else they stay zero
};

// Runs the passes in order. Fails with what a pass says, naming it.
Result<PassReport> run_passes(Graph graph, std::span<const Pass> passes,
                              const PassOptions& options = {});
// One list after another, each until nothing changes; one report of them all.
using PassLists = std::vector<std::span<const Pass>>;
Result<PassReport> run_passes(Graph graph, const PassLists& lists, const PassOptions& options = {});

// Whether two graphs have the same nodes in the same places, as a pass that does nothing leaves
// them (attributes and bodies are compared by identity).
bool same_structure(const Graph& a, const Graph& b);
// Whether two nodes of a primitive have equal attributes.
bool same_attributes(const Primitive& primitive, const AttributePtr& a, const AttributePtr& b);

}  // namespace gossamer
