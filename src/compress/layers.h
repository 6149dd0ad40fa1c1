// Layers: the products of a graph whose weights are constants, which is what compressing works on.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace gossamer::compress {

// A Conv, ConvTranspose or MatMul in f32 whose second operand is a constant.
struct Layer {
  NodeId node = kNoNode;
  std::string name;            // the operator's, else its result's
  ValueId input = kNoValue;    // operand 0
  ValueId weights = kNoValue;  // operand 1
  ValueId result = kNoValue;
  int output_axis = 0;         // of the weights: output channels
  bool whole_channels = true;  // one index along output_axis is all of one output channel
  std::int64_t macs = 0;       // a run; 0 while an extent is open

  std::int64_t channels(const Graph& graph) const;
};

// In order of execution; those in bodies of branches and loops are none.
std::vector<Layer> find_layers(const Graph& graph);

// The bias that is added to a layer's result along its channels, and by which node.
struct LayerBias {
  NodeId reader = kNoNode;
  std::size_t operand = 0;  // of the reader
  ValueId constant = kNoValue;
};
std::optional<LayerBias> bias_of(const Graph& graph, const Layer& layer);

// Weights as rows: one an output channel, `size` numbers each, read and written through `index`.
struct Rows {
  std::int64_t count = 0, size = 0;
  std::int64_t outer = 1, inner = 1;  // elements before and behind the output axis

  Rows(const Shape& weights, int output_axis);
  std::size_t index(std::int64_t row, std::int64_t k) const {
    return static_cast<std::size_t>((k / inner * count + row) * inner + k % inner);
  }
};

}  // namespace gossamer::compress
