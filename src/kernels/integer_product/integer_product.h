// IntegerProduct: matrix products and convolutions of 8-bit integers, with exact sums in 32 bits,
// on their way to floats or back to 8 bits:
//
//   s = bias_i32[m] + sum of (x - zero) * (w - w_zero[m])      wrapping in 32 bits
//   v = clamp(s * scale[m] + bias[m], low, high)               where `scaled`
//   y = s, v, rint(v / y_scale) + y_zero (`quantized`; where y is f32, rint(v / y_scale) *
//   y_scale), or the epilogue of s or v
//
// operands x, packed w, [zero: one element of x's dtype], [weight_zeros i32[M]], [scale f32: M or
// 1], [bias f32[M]], [other: 8 bits], [operands of the epilogue] -> y. A product of matrices has no
// kernel: x[..,C] -> y[..,M]. A convolution: x[N,C,spatial..] -> y[N,M,spatial..]; padding counts
// as the zero point. x is u8 or i8. Views may have any strides; fast where the channels of x and y
// have stride 1 and C is a multiple of 4 or its pixels are padded. y's extents say how much padding
// stands at the end.
//
// `other` adds a second quantized operand of y's shape before the result is quantized:
//   q = clamp(rint(v / mid_scale), mid_low, mid_high)
//   v2 = clamp(q * mid_scale + (other - other_zero) * other_scale, low2, high2)
#pragma once

#include <limits>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

// The lists have one number a spatial axis; strides and dilations may be empty (1), pads too (0).
struct IntegerProductStep {
  std::vector<std::int64_t> kernel, strides, dilations;
  std::vector<std::int64_t> pads_begin;  // negative: crops
  std::int64_t group = 1;
  std::int64_t channels = 0;   // C, of all groups
  std::int64_t filters = 0;    // M, of all groups
  bool padded_pixels = false;  // each pixel of x, the last one too, is followed by bytes that may
                               // be read, up to a multiple of 4; one group
  bool zero = false, weight_zeros = false, scaled = false, bias = false, other = false;  // operands
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  bool quantized = false;
  float y_scale = 1;
  std::int64_t y_zero = 0;
  float mid_scale = 1, mid_low = 0, mid_high = 0, other_scale = 1;
  std::int64_t other_zero = 0;
  float low2 = -std::numeric_limits<float>::infinity();
  float high2 = std::numeric_limits<float>::infinity();
  VectorProgram epilogue;  // of the float v where `scaled`, of the i32 s else; empty: none
  static constexpr auto kFields = std::tuple(
      field("kernel", &IntegerProductStep::kernel), field("strides", &IntegerProductStep::strides),
      field("dilations", &IntegerProductStep::dilations),
      field("pads_begin", &IntegerProductStep::pads_begin),
      field("group", &IntegerProductStep::group), field("channels", &IntegerProductStep::channels),
      field("filters", &IntegerProductStep::filters),
      field("padded_pixels", &IntegerProductStep::padded_pixels),
      field("zero", &IntegerProductStep::zero),
      field("weight_zeros", &IntegerProductStep::weight_zeros),
      field("scaled", &IntegerProductStep::scaled), field("bias", &IntegerProductStep::bias),
      field("other", &IntegerProductStep::other), field("low", &IntegerProductStep::low),
      field("high", &IntegerProductStep::high), field("quantized", &IntegerProductStep::quantized),
      field("y_scale", &IntegerProductStep::y_scale), field("y_zero", &IntegerProductStep::y_zero),
      field("mid_scale", &IntegerProductStep::mid_scale),
      field("mid_low", &IntegerProductStep::mid_low),
      field("mid_high", &IntegerProductStep::mid_high),
      field("other_scale", &IntegerProductStep::other_scale),
      field("other_zero", &IntegerProductStep::other_zero),
      field("low2", &IntegerProductStep::low2), field("high2", &IntegerProductStep::high2),
      field("epilogue", &IntegerProductStep::epilogue));
};

// Fails with internal on operands that contradict the step, with unsupported on other dtypes.
Result<PreparedPtr> prepare(const IntegerProductStep& step, const Shapes& shapes);
// The same with or without instructions for sums of four products, whatever the machine has: for
// tests. False is right everywhere.
Result<PreparedPtr> prepare(const IntegerProductStep& step, const Shapes& shapes, bool dots);
// Whether the machine has such instructions for a level.
bool has_integer_dots(Level level);

// Weights in memory: element (m, c, tap), c within its group, lies at
// w + m * filter + c * channel + tap * this->tap.
struct IntegerWeights {
  const std::int8_t* w = nullptr;
  std::int64_t filter = 0, channel = 0, tap = 1;
  const std::int32_t* zeros = nullptr;  // M, the operand weight_zeros; null: all 0
  const std::int32_t* bias = nullptr;   // M, bias_i32; null: all 0
};
// Bytes of packed weights; 0 when they would not fit memory.
std::size_t packed_integer_product_size(const IntegerProductStep& step);
// Packs weights for every level and every extent of x alike; `packed` is 4-byte aligned.
void pack_integer_product(const IntegerProductStep& step, const IntegerWeights& weights,
                          std::byte* packed);

}  // namespace gossamer::kernels
