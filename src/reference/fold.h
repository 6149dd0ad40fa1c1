// Fold: windows added back where they came from (the adjoint of Copy's `window` steps).
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"
#include "reference/window.h"

namespace gossamer {

struct FoldAttributes {
  std::vector<std::int64_t> extents;  // of y's last axes; empty: operand 1 says them
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> strides, dilations;  // empty: 1
  std::vector<std::int64_t> pads;                // all befores, then all afters; empty: 0
  WindowOptions windows() const { return {strides, dilations, pads, AutoPad::none, false}; }
  static constexpr auto kFields = std::tuple(
      field("extents", &FoldAttributes::extents), field("kernel", &FoldAttributes::kernel),
      field("strides", &FoldAttributes::strides), field("dilations", &FoldAttributes::dilations),
      field("pads", &FoldAttributes::pads));
};

namespace reference {
// operands x[lead.., taps, windows] with taps = product of kernel and windows = product of the
// numbers of windows of `extents`, both row-major [, extents: i64 vector] -> y[lead.., extents..].
// What falls into the padding is dropped.
Status fold(const FoldAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
