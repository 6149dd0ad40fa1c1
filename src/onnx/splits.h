// Slices of one value that lie side by side and make up the whole: what ONNX says as one Split.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace gossamer::onnx {

struct Split {
  ValueId x = kNoValue;
  int axis = 0;
  std::vector<NodeId> nodes;        // one a part, in the parts' order
  std::vector<std::int64_t> sizes;  // of the parts
};

// Of at least two parts each; no node is in two of them.
std::vector<Split> find_splits(const gossamer::Graph& graph);

}  // namespace gossamer::onnx
