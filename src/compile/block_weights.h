// Weights of 4 or 8 bits that a graph dequantizes, a scale a block of neighbors, a column or all,
// for one product of matrices: what the kernel of such products reads in their place.
#pragma once

#include <optional>
#include <vector>

#include "base/tensor.h"
#include "graph/graph.h"
#include "kernels/block_product/block_product.h"

namespace gossamer::compile {

struct BlockProductAt {
  kernels::BlockProductStep step;
  std::vector<NodeId> nodes;  // that make the weights, for this product alone, in order
  Tensor weights;             // packed; only where asked for
};

// What the MatMul `id` is as such a product; nothing when it is none. `uses`: readers by value,
// outputs included.
std::optional<BlockProductAt> block_product_at(const Graph& graph, NodeId id,
                                               const std::vector<std::int32_t>& uses, bool pack);

}  // namespace gossamer::compile
