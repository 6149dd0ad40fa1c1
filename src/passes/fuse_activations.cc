// Brings back activations for the compiler, whatever the model's opset has: equal activations
// become equal expressions, however they were spelled.
#include <limits>

#include "passes/activation_pattern.h"
#include "passes/passes.h"

namespace gossamer {

Result<Rewritten> fuse_activations(const Graph& graph) {
  return recover_activations_of(graph, std::numeric_limits<std::int64_t>::max());
}

}  // namespace gossamer
