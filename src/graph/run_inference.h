// Running shape rules over a graph: one node, or all of them in order.
#pragma once

#include <functional>
#include <string_view>

#include "graph/graph.h"

namespace gossamer {

// How the symbols start that stand for fresh ones while types are compared. No graph has them in
// its types.
inline constexpr std::string_view kFreshPattern = "fresh.";

// Source of symbols u<N> that occur nowhere in a graph: neither in its types and contents nor in
// those of its bodies.
class FreshSymbols {
 public:
  explicit FreshSymbols(const Graph& graph);
  Dim next() { return Dim::symbol("u" + std::to_string(count_++)); }

 private:
  std::int64_t count_ = 0;
};

// Runs the rule of a node's primitive and stores types and contents in its results. `fresh` gives
// symbols that the graph does not have. Fails with what the rule says, naming the node; also when a
// type is nested too deeply or has more than kMaxRank axes (malformed).
Status infer_node(Graph& graph, NodeId id, const std::function<Dim()>& fresh);

// Redoes all nodes of the graph in order; its bodies stay as they are.
Status infer_all(Graph& graph);

// Like infer_node, but the stored types of the results stay: they must be what the rule gives, up
// to the fresh symbols, for which any extent may stand as long as it is the same one everywhere.
// Results' contents are stored, in terms of the stored types' symbols. Fails with malformed.
Status infer_against_stored(Graph& graph, NodeId id);
// The check of infer_against_stored alone.
Status check_stored_types(const Graph& graph, NodeId id);

}  // namespace gossamer
