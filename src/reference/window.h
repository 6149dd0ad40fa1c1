// Windows that slide along axes: strides, dilations, padding and the number of windows, for Conv,
// ConvTranspose, Pool and Fold.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gossamer {

// How padding is chosen: as the attribute `pads` says, or so that there are ceil(extent / stride)
// windows, the odd one last (same_upper) or first (same_lower).
enum class AutoPad : std::uint8_t { none, same_upper, same_lower };
std::span<const std::string_view> enum_names(AutoPad);

// Attributes as they stand on a node. Empty: strides and dilations of 1, no pads. `pads` lists all
// befores, then all afters; a negative one crops.
struct WindowOptions {
  std::span<const std::int64_t> strides, dilations, pads;
  AutoPad auto_pad = AutoPad::none;
  bool ceil = false;  // a last window that overhangs the padding counts
};

// One axis, resolved.
struct WindowAxis {
  std::int64_t input = 1, output = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1;
  std::int64_t before = 0, after = 0;

  std::int64_t reach() const { return (kernel - 1) * dilation + 1; }  // the dilated kernel
};

// Checks lengths and ranges of the attributes against `rank` axes: at least 1 where that is needed
// and small enough that later arithmetic cannot overflow. Fails with malformed.
Status check_windows(const WindowOptions& options, std::size_t rank);

// Windows over `input` extents. Fails with malformed when a kernel does not fit.
Result<std::vector<WindowAxis>> resolve_windows(const WindowOptions& options,
                                                std::span<const std::int64_t> input,
                                                std::span<const std::int64_t> kernel);

// The axes of a transposed window (input and output exchanged): output = stride*(input-1) +
// output_padding + reach - pads. `auto_pad` gives output = input*stride, or `extents` if these
// are not empty.
Result<std::vector<WindowAxis>> resolve_transposed(const WindowOptions& options,
                                                   std::span<const std::int64_t> output_padding,
                                                   std::span<const std::int64_t> extents,
                                                   std::span<const std::int64_t> input,
                                                   std::span<const std::int64_t> kernel);

// Splits `total` padding into before and after.
std::int64_t auto_before(AutoPad mode, std::int64_t total);

}  // namespace gossamer
