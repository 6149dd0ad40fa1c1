// What the step quantize found out about a graph, and the graph rewritten by it.
#pragma once

#include <functional>
#include <vector>

#include "compress/quantize.h"

namespace gossamer::compress {

// What becomes of one layer.
struct QuantizePlan {
  Layer layer;
  LayerScheme scheme;
  QuantizedWeights weights;
  Linear input;                        // of its operand 0
  std::vector<float> bias_correction;  // one an output channel; empty: none
};

// Weights that stand alone, as bytes: tables that rows are picked from, and those of recurrent
// layers.
struct StoredWeights {
  WeightScheme scheme;
  NodeId node = kNoNode;
  std::size_t operand = 0;
  int axis = 0;       // one scale an index
  bool rows = false;  // a table: what is picked from it is dequantized
};

// What becomes of one graph.
struct Quantization {
  std::vector<QuantizePlan> layers;
  std::vector<StoredWeights> stored;
};

// The graph with integer weights, inputs and biases as planned; `body` plans the bodies of its
// branches and loops, of which only weights are quantized.
Result<Graph> rewrite_quantized(const Graph& graph, Quantization plan,
                                const std::function<Quantization(const Graph& body)>& body);

}  // namespace gossamer::compress
