// Pool: maxima, sums, means and p-norms of windows along named axes.
//
// operand x -> y. f32 for every op, u8 and i8 for max. y has x's extents but on the pooled axes,
// where its extent is the number of windows; a last window may overhang the padding. Fast where one
// axis that is not pooled, or else the last pooled axis, has stride 1 in both.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

enum class PoolOp : std::uint8_t { max, sum, mean, lp };
std::span<const std::string_view> enum_names(PoolOp);
// What padding stands before the first element: as pads_begin and pads_end say, or so that the
// windows of y's extent are centered, the odd one last (same_upper) or first (same_lower).
enum class PoolPadding : std::uint8_t { given, same_upper, same_lower };
std::span<const std::string_view> enum_names(PoolPadding);

// The lists have one number each of `axes`; strides and dilations may be empty (1), pads too (0).
struct PoolStep {
  PoolOp op = PoolOp::max;
  double p = 2;  // lp: (sum |x|^p)^(1/p)
  std::vector<std::int64_t> axes, kernel, strides, dilations;
  std::vector<std::int64_t> pads_begin, pads_end;  // negative: crops
  PoolPadding padding = PoolPadding::given;
  bool count_pad = false;  // mean: declared padding (never an overhang) counts as zeros
  static constexpr auto kFields =
      std::tuple(field("op", &PoolStep::op), field("p", &PoolStep::p),
                 field("axes", &PoolStep::axes), field("kernel", &PoolStep::kernel),
                 field("strides", &PoolStep::strides), field("dilations", &PoolStep::dilations),
                 field("pads_begin", &PoolStep::pads_begin), field("pads_end", &PoolStep::pads_end),
                 field("padding", &PoolStep::padding), field("count_pad", &PoolStep::count_pad));
};

// A window that holds padding only gives -inf or the least integer, 0, or NaN (mean). A NaN is
// greater than any number. Fails with internal on operands that contradict the step, and with
// unsupported on other dtypes and on p other than 1 and 2.
Result<PreparedPtr> prepare(const PoolStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
