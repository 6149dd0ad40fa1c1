// What a Pointwise that follows a product (MatMul, Conv, ConvTranspose) becomes as its epilogue: a
// bias, bounds, and the rest of the expression as a vector program.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"
#include "kernels/pointwise/program.h"
#include "reference/pointwise.h"

namespace gossamer::compile {

// Whether `pointwise`, a reader of the product, can be computed with it: of the same extents, of
// one f32 result, with operands that broadcast.
bool can_have_epilogue(const Graph& graph, NodeId product, NodeId pointwise);

struct Epilogue {
  ValueId bias = kNoValue;         // a constant that differs along the channels only
  float low, high;                 // bounds, infinite where there are none
  kernels::VectorProgram program;  // x0: the bounded product; empty: nothing is left to do
  std::vector<ValueId> operands;   // x1..
  Epilogue();
};

// `channel_axis`: the axis of the product along which the bias differs. Nothing when no vector code
// computes it.
std::optional<Epilogue> epilogue_for(const Graph& graph, NodeId product, NodeId pointwise,
                                     int channel_axis);

}  // namespace gossamer::compile
