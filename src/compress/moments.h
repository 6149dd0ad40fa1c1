// Second moments of what layers multiply their weights with.
#pragma once

#include <map>

#include "compress/observe.h"
#include "compress/quantize_weights.h"

namespace gossamer::compress {

// For each layer (by its index in `layers`) the sum of x x^T over samples and positions, where x is
// what one row of the weights is multiplied with. At most about `positions` places a step are
// looked at, four times a row's length where that is less, spread evenly. Layers whose rows are
// longer than 2,048, and those of kinds other than Conv and MatMul, have none.
Result<std::map<std::size_t, Moments>> second_moments(const Graph& graph,
                                                      std::span<const Layer> layers,
                                                      const samples::Samples& samples,
                                                      const RunControl& control,
                                                      std::int64_t positions = 256);

}  // namespace gossamer::compress
