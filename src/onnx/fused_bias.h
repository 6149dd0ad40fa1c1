// Biases that the standard's Conv and Gemm take as an input and a Graph adds in a Pointwise behind
// them: found before a graph is written, so that they come back as a person would have written
// them.
#pragma once

#include <functional>
#include <vector>

#include "graph/graph.h"

namespace gossamer::onnx {

struct FusedBias {
  NodeId product = kNoNode;   // the convolution or matrix product
  ValueId bias = kNoValue;    // a vector of one number a channel, or a constant that holds one
  NodeId reader = kNoNode;    // the only reader of the convolution's result
  std::size_t convolved = 0;  // operand of the reader: the convolution's result
  bool alone = false;         // the reader does nothing else
  std::size_t operand = 0;    // operand of the reader: what it adds to that, and nothing else
};

// `spelled` tells which nodes are spelled from their primitive; others keep what they have.
std::vector<FusedBias> find_fused_biases(const gossamer::Graph& graph,
                                         const std::function<bool(NodeId)>& spelled);

}  // namespace gossamer::onnx
