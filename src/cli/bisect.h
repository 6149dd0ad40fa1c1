// Which pass first breaks an answer: the graph is run as it is and after every pass that changes
// it.
#pragma once

#include <map>
#include <string>

#include "base/compare.h"
#include "base/tensor.h"
#include "passes/pass.h"

namespace gossamer::cli {

struct Finding {
  std::string pass, why;  // empty: none breaks an answer
  int round = 0;          // of the pass's list, from 1 on
};

// Runs the lists one after another, each until nothing changes. A pass that fails, leaves an
// invalid graph or one that cannot run is found as well. Fails when the graph itself cannot run.
Result<Finding> find_breaking_pass(Graph graph, const std::map<std::string, Value>& feeds,
                                   const PassLists& lists, const Tolerance& tolerance);

}  // namespace gossamer::cli
