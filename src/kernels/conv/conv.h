// Conv: correlation over one to three spatial axes, y = epilogue(clamp(x * w + bias)), all f32; or,
// with `bf16`, x and w are bf16 and their products are summed in f32. Then x's channels are even in
// each group, have stride 1, and all other strides are even.
//
// operands x[N,C,spatial..], packed w, [bias f32[M]], [operands of the epilogue] ->
// y[N,M,spatial..]. Views may have any strides; fast where the channels of x and y have stride 1
// (channels-last; the pixel stride is free, so that x may be a slice of channels and y a slot of a
// concatenation). x with other strides is gathered block by block. y's extents say how much padding
// stands at the end. The epilogue's operands have y's rank, 0 as stride where they repeat; each may
// be y's very memory (same address, same view).
#pragma once

#include <limits>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

// The lists have one number a spatial axis; strides and dilations may be empty (1), pads too (0).
struct ConvStep {
  std::vector<std::int64_t> kernel, strides, dilations;
  std::vector<std::int64_t> pads_begin;  // negative: crops
  std::int64_t group = 1;
  std::int64_t channels = 0;  // C, of all groups
  std::int64_t filters = 0;   // M, of all groups
  bool bias = false;          // an operand f32[M] follows w
  bool bf16 = false;          // x and w
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  VectorProgram epilogue;  // of the sum (input 0) and the operands after bias; empty: none
  static constexpr auto kFields = std::tuple(
      field("kernel", &ConvStep::kernel), field("strides", &ConvStep::strides),
      field("dilations", &ConvStep::dilations), field("pads_begin", &ConvStep::pads_begin),
      field("group", &ConvStep::group), field("channels", &ConvStep::channels),
      field("filters", &ConvStep::filters), field("bias", &ConvStep::bias),
      field("bf16", &ConvStep::bf16), field("low", &ConvStep::low), field("high", &ConvStep::high),
      field("epilogue", &ConvStep::epilogue));
};

// Fails with internal on operands that contradict the step, with unsupported on other dtypes.
Result<PreparedPtr> prepare(const ConvStep& step, const Shapes& shapes);

// Bytes of packed weights.
std::size_t packed_conv_size(const ConvStep& step);
// Packs w, dense [M, C/group, kernel..] of f32, rounded where `bf16`, for every level and every
// extent of x alike.
void pack_conv(const ConvStep& step, const float* w, float* packed);

}  // namespace gossamer::kernels
