// Conv: N-d correlation of planes with a kernel, in groups.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"
#include "reference/window.h"

namespace gossamer {

struct ConvAttributes {
  std::vector<std::int64_t> strides, dilations;  // one a spatial axis; empty: 1
  std::vector<std::int64_t> pads;                // all befores, then all afters; empty: 0
  AutoPad auto_pad = AutoPad::none;              // chooses the pads when not none
  std::int64_t group = 1;
  bool wide = false;  // f16 and bf16: y is the f32 accumulator, not rounded
  WindowOptions windows() const { return {strides, dilations, pads, auto_pad, false}; }
  static constexpr auto kFields = std::tuple(
      field("strides", &ConvAttributes::strides), field("dilations", &ConvAttributes::dilations),
      field("pads", &ConvAttributes::pads), field("auto_pad", &ConvAttributes::auto_pad),
      field("group", &ConvAttributes::group), field("wide", &ConvAttributes::wide));
};

namespace reference {
// operands x[N,C,d..], w[M,C/group,k..], [x_zero: scalar], [w_zero: scalar or M] -> y[N,M,o..].
// Padding is 0 after the zero point is subtracted. 8-bit integers give i32.
Status conv(const ConvAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
