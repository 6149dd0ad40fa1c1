// Activations as exporters spell them out in parts, for the passes that bring them back.
#pragma once

#include <vector>

#include "passes/pass.h"
#include "reference/pointwise.h"

namespace gossamer {

// Recognizes activations, however they are spelled.
class ActivationPatterns {
 public:
  static Result<ActivationPatterns> make();
  // Whether a value of f32 is the result of an activation.
  bool match(const Graph& graph, ValueId root) const;

 private:
  std::vector<PointwiseProgram> patterns_;
};

// The graph with GELU and hard-swish as one Pointwise each, in the form that lowering the operator
// gives; those only for which the standard's `opset` has an operator.
Result<Rewritten> recover_activations_of(const Graph& graph, std::int64_t opset);

}  // namespace gossamer
