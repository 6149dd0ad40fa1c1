// compress: a recipe applied to a graph.
#pragma once

#include <string>
#include <vector>

#include "compress/recipe.h"
#include "passes/pass.h"

namespace gossamer::compress {

struct CompressOptions {
  RunControl control;
  // Told which step begins.
  std::function<void(const std::string& step)> on_step;
};

struct Compressed {
  Graph graph;
  GraphCost before, after;
  std::vector<std::string> notes;
};

// Optimizes the graph by the portable passes, then applies the steps in order. `samples` may be
// null when no step needs them. Fails with what a step says, naming it.
Result<Compressed> compress(const Graph& graph, const Recipe& recipe,
                            const samples::Samples* samples, const CompressOptions& options);

}  // namespace gossamer::compress
