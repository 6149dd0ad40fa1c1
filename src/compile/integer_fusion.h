// What a Pointwise that follows a product of 8-bit integers becomes as its epilogue: a scale, a
// bias, bounds and the way back to 8 bits, or a vector program.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "kernels/pointwise/program.h"

namespace gossamer::compile {

// Whether the node multiplies 8-bit integers: MatMul or Conv with sums in i32.
bool is_integer_product(const Graph& graph, NodeId id);
// Whether `pointwise`, a reader of an integer product, can be computed with it.
bool can_have_integer_epilogue(const Graph& graph, NodeId product, NodeId pointwise);

// One number, one a channel, or such a value that only running gives.
struct ChannelNumbers {
  std::vector<float> numbers;  // 1 or as many as channels; empty: see value
  ValueId value = kNoValue;
};

// As in IntegerProductStep.
struct IntegerEpilogue {
  std::vector<std::int32_t> integer_bias;  // of all channels; empty: none
  bool scaled = false;
  ChannelNumbers scale, bias;
  bool has_bias = false;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  bool quantized = false;
  float y_scale = 1;
  std::int64_t y_zero = 0;
  ValueId other = kNoValue;
  float mid_scale = 1, mid_low = 0, mid_high = 0, other_scale = 1;
  std::int64_t other_zero = 0;
  float low2 = -std::numeric_limits<float>::infinity();
  float high2 = std::numeric_limits<float>::infinity();
  kernels::VectorProgram program;  // what is left, of the scaled sum or the sum itself
  std::vector<ValueId> operands;   // of the program, after its first input
};

// Nothing when no vector code computes it.
std::optional<IntegerEpilogue> integer_epilogue_for(const Graph& graph, NodeId product,
                                                    NodeId pointwise);

}  // namespace gossamer::compile
