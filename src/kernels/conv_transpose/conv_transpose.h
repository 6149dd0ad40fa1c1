// ConvTranspose: the adjoint of Conv in x, y = epilogue(clamp(x *^T w + bias)), all f32.
//
// operands x[N,C,spatial..], packed w, [bias f32[M]], [operands of the epilogue] ->
// y[N,M,spatial..], where x[i] * w[k] goes to y[i * stride + k * dilation - pads_begin] and y's
// extents say what is cut at the end. Views and epilogue are as in conv/conv.h. Fast where the
// channels of x and y have stride 1, above all where windows do not overlap.
#pragma once

#include <limits>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

// The lists have one number a spatial axis; strides and dilations may be empty (1), pads too (0).
struct ConvTransposeStep {
  std::vector<std::int64_t> kernel, strides, dilations;
  std::vector<std::int64_t> pads_begin;  // of the convolution that this is the adjoint of
  std::int64_t group = 1;
  std::int64_t channels = 0;  // C, of all groups
  std::int64_t filters = 0;   // M, of all groups
  bool bias = false;          // an operand f32[M] follows w
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  VectorProgram epilogue;  // of the sum (input 0) and the operands after bias; empty: none
  static constexpr auto kFields = std::tuple(
      field("kernel", &ConvTransposeStep::kernel), field("strides", &ConvTransposeStep::strides),
      field("dilations", &ConvTransposeStep::dilations),
      field("pads_begin", &ConvTransposeStep::pads_begin),
      field("group", &ConvTransposeStep::group), field("channels", &ConvTransposeStep::channels),
      field("filters", &ConvTransposeStep::filters), field("bias", &ConvTransposeStep::bias),
      field("low", &ConvTransposeStep::low), field("high", &ConvTransposeStep::high),
      field("epilogue", &ConvTransposeStep::epilogue));
};

// Fails with internal on operands that contradict the step, with unsupported on other dtypes.
Result<PreparedPtr> prepare(const ConvTransposeStep& step, const Shapes& shapes);

// Bytes of packed weights.
std::size_t packed_conv_transpose_size(const ConvTransposeStep& step);
// Packs w, dense [C, M/group, kernel..], for every level and every extent of x alike.
void pack_conv_transpose(const ConvTransposeStep& step, const float* w, float* packed);

}  // namespace gossamer::kernels
