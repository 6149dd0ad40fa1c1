// ConvTranspose: the adjoint of Conv in x.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"
#include "reference/window.h"

namespace gossamer {

struct ConvTransposeAttributes {
  std::vector<std::int64_t> strides, dilations;  // one a spatial axis; empty: 1
  std::vector<std::int64_t> pads;                // all befores, then all afters; empty: 0
  std::vector<std::int64_t> output_padding;      // extra extent at the end; empty: 0
  // When not none: pads so that output = input * stride, or `extents` where these are given.
  AutoPad auto_pad = AutoPad::none;
  std::vector<std::int64_t> extents;
  std::int64_t group = 1;
  bool wide = false;  // f16 and bf16: y is the f32 accumulator, not rounded
  WindowOptions windows() const { return {strides, dilations, pads, auto_pad, false}; }
  static constexpr auto kFields =
      std::tuple(field("strides", &ConvTransposeAttributes::strides),
                 field("dilations", &ConvTransposeAttributes::dilations),
                 field("pads", &ConvTransposeAttributes::pads),
                 field("output_padding", &ConvTransposeAttributes::output_padding),
                 field("auto_pad", &ConvTransposeAttributes::auto_pad),
                 field("extents", &ConvTransposeAttributes::extents),
                 field("group", &ConvTransposeAttributes::group),
                 field("wide", &ConvTransposeAttributes::wide));
};

namespace reference {
// operands x[N,C,d..], w[C,M/group,k..] -> y[N,M,o..]
Status conv_transpose(const ConvTransposeAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
