// What passes do with the steps of Copy: fuse lists, bring them into normal form, find their
// operands.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "reference/copy.h"

namespace gossamer {

// A Copy under construction: x, the operands that extents refer to, the steps.
struct CopyChain {
  std::vector<ValueId> operands;  // x first
  StepList steps;
};

CopyChain chain_of(const Node& node);
// `first`, then `second` in place of whose x its result stands.
CopyChain joined(const CopyChain& first, const CopyChain& second);
// The shape before each step and after the last; nothing where it is not known.
std::vector<std::optional<DimVector>> shapes_along(const Graph& graph, const CopyChain& chain);
// Makes extents literals where their operands are known and drops operands that nothing refers to.
// Adjacent equal steps merge, identities vanish, slices move before permutes.
void normalize(const Graph& graph, CopyChain& chain);
// The permutation that is the only step of a Copy, or null.
const std::vector<int>* as_permute(const Node& node);

}  // namespace gossamer
