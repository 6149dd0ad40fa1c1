// Matching: which values two models share, and A's nodes put into B.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace gossamer::compress {

struct Match {
  std::string name;
  ValueId a = kNoValue, b = kNoValue;
  ValueId rounded = kNoValue;  // b quantized and dequantized, where all that reads b in B does so
};

// f32 values of the same name, inputs and outputs included, in A's order of execution.
std::vector<Match> match_values(const Graph& a, const Graph& b);

// The nodes of A that make one matched value out of others.
struct Unit {
  std::size_t result = 0;           // index of the match
  std::vector<std::size_t> inputs;  // indices of matches
  std::vector<NodeId> nodes;        // in order of execution
};

// One unit a matched value that nodes make; those of more than 256 nodes, and those that depend on
// values that B lacks, are left out.
std::vector<Unit> units_of(const Graph& a, const Graph& b, const std::vector<Match>& matches);

// Adds A's unit to the graph, reading B's values; gives the value that stands for its result. Fails
// when A's nodes do not take the types that B has. `b` is the graph that the matches are of, with
// or without other units added behind it.
Result<ValueId> add_unit(Graph& b, const Graph& a, const Unit& unit,
                         const std::vector<Match>& matches);

// Lets all that read `from` read `to`, outputs included, but for the nodes that make `to`, which
// takes over the name; puts the nodes into order again.
Status redirect(Graph& graph, ValueId from, ValueId to);

}  // namespace gossamer::compress
