// ScaleGroups: values whose channels can be made larger or smaller without changing the answers,
// because what makes them takes the factor into its weights and what reads them takes it out.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "graph/graph.h"

namespace gossamer::compress {

// A constant operand whose elements belong to channels.
struct ScaledOperand {
  NodeId node = kNoNode;
  std::size_t operand = 0;
  std::int64_t count = 1, inner = 1;  // channels in a row, and elements of one behind each other
  std::int64_t block = std::numeric_limits<std::int64_t>::max();  // rows of one group of channels

  std::int64_t channel(std::int64_t element) const {
    const std::int64_t row = element / inner;
    return row % count + row / count / block * count;
  }
};

// Where a value is cut off above: the factor of a channel that stays below may grow to the bound.
struct Bound {
  ValueId value = kNoValue;  // behind the cut
  double limit = 0;
};

struct ScaleGroup {
  std::int64_t channels = 0;
  int axis = 1;                          // of the values: channels
  std::vector<ValueId> read;             // what the layers behind read
  std::vector<ScaledOperand> producers;  // weights and biases that take the factor
  std::vector<ScaledOperand> consumers;  // weights that take its reciprocal
  std::vector<Bound> bounds;
  bool separate = true;  // each row of every consumer reads one channel only (depthwise)
};

// Groups with something on either end, in the order of their first producer.
std::vector<ScaleGroup> find_scale_groups(const Graph& graph);

}  // namespace gossamer::compress
