// Brings back activations that exporters spell out in parts, where the model's opset has an
// operator for them (or the model names no opset): elsewhere another spelling would be no shorter,
// and its other roundings can move a quantized value by a step.
#include "passes/activation_pattern.h"

#include <limits>

#include "passes/passes.h"

namespace gossamer {

Result<Rewritten> recover_activations(const Graph& graph) {
  const auto opset = graph.opsets.find("");
  return recover_activations_of(graph, opset != graph.opsets.end()
                                           ? opset->second
                                           : std::numeric_limits<std::int64_t>::max());
}

}  // namespace gossamer
