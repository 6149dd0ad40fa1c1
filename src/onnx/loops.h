// Adding Loop nodes: finding types of carried values that every iteration keeps.
#pragma once

#include "onnx/lowering.h"
#include "reference/loop.h"

namespace gossamer::onnx {

struct LoopPlan {
  // Everything but what add_loop finds out: carried, stacked dtypes and extents.
  LoopAttributes attributes;
  ValueId trips = kNoValue, condition = kNoValue;
  std::vector<ValueId> carried, scanned;
  std::vector<std::int64_t> stacked_axes;  // may be negative; empty: all 0
};

// Adds a loop over `body`; gives the carried, then the stacked results. Carried types start as the
// initial values' and are opened (unknown extents, unknown rank) until the body keeps them.
Result<std::vector<ValueId>> add_loop(Lowering& l, const Graph& body, LoopPlan plan);

// Scan of opset 8: axis 0 is the batch, axis 1 of scanned values is scanned, each batch for its own
// length.
struct BatchedScan {
  ValueId lengths = kNoValue;  // i64 [batch]
  std::vector<ValueId> carried, scanned;
  std::vector<bool> reversed;
};
Result<std::vector<ValueId>> add_batched_scan(Lowering& l, const Graph& body, BatchedScan scan);

}  // namespace gossamer::onnx
