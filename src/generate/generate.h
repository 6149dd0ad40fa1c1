// Random graphs for tests: valid by construction, the same for a seed on every machine, and well
// conditioned, so that answers of different engines can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/compare.h"
#include "graph/graph.h"

namespace gossamer {

struct GenerateOptions {
  int max_nodes = 12;                // of the outermost graph; bodies are smaller
  std::int64_t max_elements = 2048;  // of any tensor, whatever the symbols stand for
  // Element types that values are made in; empty: all that can be computed with. Indices and
  // conditions are i64, i32 and bool even so.
  std::vector<DType> dtypes;
  bool control_flow = true;             // branches and loops
  bool symbolic = true;                 // open extents in the types of some inputs
  std::vector<std::string> primitives;  // by name: those that nodes are made for; empty: all
};

// A verified graph. A Pointwise may stand beside the primitives asked for: it brings values into
// the range that an operator is well conditioned in; so may, in bodies, a Reduce. Fails with usage
// when an option makes no sense.
Result<Graph> random_graph(std::uint64_t seed, const GenerateOptions& options = {});

// A value for each input of a graph that random_graph made; its symbols stand for 2 to 5.
Result<std::vector<Value>> random_inputs(const Graph& graph, std::uint64_t seed);

struct RandomCase {
  Graph graph;
  std::vector<Value> inputs, outputs;
};
// A random graph with values for its inputs and the reference's answers.
Result<RandomCase> random_case(std::uint64_t seed, const GenerateOptions& options = {});

// How far answers of a right engine may be apart: narrow floats, wherever they stand in the graph,
// widen it. Errors that the operators amplify are accounted for while a graph is made.
Tolerance random_tolerance(const Graph& graph);

// The names of the primitives that random_graph knows.
std::vector<std::string> generated_primitives();

}  // namespace gossamer
