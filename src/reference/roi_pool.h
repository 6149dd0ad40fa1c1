// RoiPool: regions of interest of a feature map, pooled to one size.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

// align_*: bilinear samples, averaged, or the greatest weighted corner of any sample; max: the
// greatest pixel of bins of whole pixels.
enum class RoiPoolOp : std::uint8_t { align_mean, align_max, max };
std::span<const std::string_view> enum_names(RoiPoolOp);

struct RoiPoolAttributes {
  RoiPoolOp op = RoiPoolOp::align_mean;
  std::int64_t height = 1, width = 1;  // of the result
  std::int64_t sampling = 0;           // samples a bin and axis; 0: as many as the bin has pixels
  float scale = 1;                     // from coordinates of regions to pixels of x
  bool half_pixel = false;             // align_*: pixels' centers are at halves
  static constexpr auto kFields = std::tuple(
      field("op", &RoiPoolAttributes::op), field("height", &RoiPoolAttributes::height),
      field("width", &RoiPoolAttributes::width), field("sampling", &RoiPoolAttributes::sampling),
      field("scale", &RoiPoolAttributes::scale),
      field("half_pixel", &RoiPoolAttributes::half_pixel));
};

namespace reference {
// operands x[N,C,H,W], regions[R,4] of x's dtype (x1, y1, x2, y2), batch[R] i64 ->
// y[R,C,height,width]
Status roi_pool(const RoiPoolAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
