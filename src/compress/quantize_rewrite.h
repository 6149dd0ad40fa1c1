// What the step quantize found out about a graph, and the graph rewritten by it.
#pragma once

#include <set>
#include <vector>

#include "compress/quantize_weights.h"
#include "compress/step.h"

namespace gossamer::compress {

struct ActivationScheme {
  bool none = false;  // weights only
  RangeOptions range;
};

struct QuantizeOptions {
  LayerFilter filter;
  WeightScheme weights;
  ActivationScheme activations;
  bool correct_bias = true;
  bool tables = true;  // of embeddings, too
};

// What becomes of one layer.
struct QuantizePlan {
  Layer layer;
  QuantizedWeights weights;
  Linear input;                        // of its operand 0
  std::vector<float> bias_correction;  // one an output channel; empty: none
};

// The layers with integer weights, inputs and biases as planned; the tables (nodes that pick rows)
// as bytes.
Result<Graph> rewrite_quantized(const Graph& graph, const std::vector<QuantizePlan>& plans,
                                const std::set<NodeId>& tables, const QuantizeOptions& options);

}  // namespace gossamer::compress
