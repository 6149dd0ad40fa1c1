// Pool: maxima, sums, means and p-norms of windows along named axes.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"
#include "reference/window.h"

namespace gossamer {

enum class PoolOp : std::uint8_t { max, sum, mean, lp };
std::span<const std::string_view> enum_names(PoolOp);

struct PoolAttributes {
  PoolOp op = PoolOp::max;
  float p = 2;            // lp: (sum |x|^p)^(1/p)
  std::vector<int> axes;  // ascending; kernel and the lists below have one number each
  std::vector<std::int64_t> kernel, strides, dilations;  // the latter two empty: 1
  std::vector<std::int64_t> pads;                        // all befores, then all afters; empty: 0
  AutoPad auto_pad = AutoPad::none;                      // chooses the pads when not none
  bool ceil = false;          // a last window that overhangs the padding counts
  bool count_pad = false;     // mean: declared padding (never the overhang) counts as zeros
  bool column_major = false;  // index: the pooled axes run first to last, the others as usual
  WindowOptions windows() const { return {strides, dilations, pads, auto_pad, ceil}; }
  static constexpr auto kFields = std::tuple(
      field("op", &PoolAttributes::op), field("p", &PoolAttributes::p),
      field("axes", &PoolAttributes::axes), field("kernel", &PoolAttributes::kernel),
      field("strides", &PoolAttributes::strides), field("dilations", &PoolAttributes::dilations),
      field("pads", &PoolAttributes::pads), field("auto_pad", &PoolAttributes::auto_pad),
      field("ceil", &PoolAttributes::ceil), field("count_pad", &PoolAttributes::count_pad),
      field("column_major", &PoolAttributes::column_major));
};

namespace reference {
// operand x -> y of x's dtype [, index: i64, the flat position in x of the first maximum]. A NaN is
// greater than any number. max takes floats and integers, the other ops floats. A window that holds
// padding only gives -inf or the least integer (index -1), 0, NaN (mean).
Status pool(const PoolAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
