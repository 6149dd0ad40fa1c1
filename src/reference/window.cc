// Arithmetic of sliding windows on known extents.
#include "reference/window.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/shape.h"

namespace gossamer {
namespace {

// Bounds that keep products of two such numbers, plus an extent, inside int64.
constexpr std::int64_t kMaxNumber = std::int64_t{1} << 30;
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 61;

Status check_list(std::span<const std::int64_t> list, std::size_t length, std::int64_t least,
                  std::string_view name) {
  if (!list.empty() && list.size() != length)
    return malformed(std::string(name) + " has " + std::to_string(list.size()) + " numbers where " +
                     std::to_string(length) + " are needed");
  for (std::int64_t v : list)
    if (v < least || v > kMaxNumber)
      return malformed(std::string(name) + " contains " + std::to_string(v) +
                       ", which is out of range");
  return {};
}

Result<WindowAxis> make_axis(const WindowOptions& o, std::size_t rank, std::size_t i,
                             std::int64_t input, std::int64_t kernel) {
  if (kernel < 1 || kernel > kMaxNumber)
    return malformed("a kernel of extent " + std::to_string(kernel));
  if (input < 0 || input > kMaxExtent)
    return malformed("an extent of " + std::to_string(input) + " is out of range");
  WindowAxis a;
  a.input = input;
  a.kernel = kernel;
  if (!o.strides.empty()) a.stride = o.strides[i];
  if (!o.dilations.empty()) a.dilation = o.dilations[i];
  if (!o.pads.empty()) {
    a.before = o.pads[i];
    a.after = o.pads[rank + i];
  }
  return a;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// Planes must be countable: the products of their extents fit int64.
Status check_planes(std::span<const WindowAxis> axes) {
  std::optional<std::int64_t> input = 1, output = 1, kernel = 1;
  for (const WindowAxis& a : axes) {
    if (input) input = checked_mul(*input, std::max<std::int64_t>(a.input, 1));
    if (output) output = checked_mul(*output, std::max<std::int64_t>(a.output, 1));
    if (kernel) kernel = checked_mul(*kernel, a.kernel);
  }
  if (!input || !output || !kernel) return limit_error("extents are too large");
  return {};
}

void resolve_same(WindowAxis& a, AutoPad mode) {
  a.output = (a.input + a.stride - 1) / a.stride;
  const std::int64_t total =
      std::max<std::int64_t>((a.output - 1) * a.stride + a.reach() - a.input, 0);
  a.before = auto_before(mode, total);
  a.after = total - a.before;
}

}  // namespace

std::span<const std::string_view> enum_names(AutoPad) {
  static constexpr std::array<std::string_view, 3> kNames = {"none", "same_upper", "same_lower"};
  return kNames;
}

std::int64_t auto_before(AutoPad mode, std::int64_t total) {
  const std::int64_t half = floor_divide(total, 2);
  return mode == AutoPad::same_lower ? total - half : half;
}

Status check_windows(const WindowOptions& o, std::size_t rank) {
  TRY(check_list(o.strides, rank, 1, "strides"));
  TRY(check_list(o.dilations, rank, 1, "dilations"));
  return check_list(o.pads, 2 * rank, -kMaxNumber, "pads");
}

Result<std::vector<WindowAxis>> resolve_windows(const WindowOptions& o,
                                                std::span<const std::int64_t> input,
                                                std::span<const std::int64_t> kernel) {
  if (kernel.size() != input.size()) return malformed("kernel and input differ in rank");
  TRY(check_windows(o, input.size()));
  std::vector<WindowAxis> axes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    ASSIGN(WindowAxis a, make_axis(o, input.size(), i, input[i], kernel[i]));
    if (o.auto_pad != AutoPad::none) {
      resolve_same(a, o.auto_pad);
    } else {
      const std::int64_t room = a.input + a.before + a.after - a.reach();
      a.output = floor_divide(room, a.stride) + 1;
      if (o.ceil) {
        // A window must start in the input or in the padding before it.
        const std::int64_t starts = -floor_divide(-(a.input + a.before), a.stride);
        a.output = std::min(-floor_divide(-room, a.stride) + 1, starts);
      }
      if (a.output < 0)
        return malformed("a window of " + std::to_string(a.reach()) +
                         " does not fit an extent of " + std::to_string(a.input));
    }
    axes.push_back(a);
  }
  TRY(check_planes(axes));
  return axes;
}

Result<std::vector<WindowAxis>> resolve_transposed(const WindowOptions& o,
                                                   std::span<const std::int64_t> output_padding,
                                                   std::span<const std::int64_t> extents,
                                                   std::span<const std::int64_t> input,
                                                   std::span<const std::int64_t> kernel) {
  if (kernel.size() != input.size()) return malformed("kernel and input differ in rank");
  TRY(check_windows(o, input.size()));
  TRY(check_list(output_padding, input.size(), 0, "output_padding"));
  TRY(check_list(extents, input.size(), 0, "extents"));
  std::vector<WindowAxis> axes;
  for (std::size_t i = 0; i < input.size(); ++i) {
    ASSIGN(WindowAxis a, make_axis(o, input.size(), i, input[i], kernel[i]));
    if (a.input > kMaxNumber * 2) return limit_error("input of a transposed window is too large");
    const std::int64_t extra = output_padding.empty() ? 0 : output_padding[i];
    const std::int64_t full = a.stride * (a.input - 1) + extra + a.reach();
    if (o.auto_pad != AutoPad::none) {
      a.output = extents.empty() ? a.input * a.stride : extents[i];
      a.before = auto_before(o.auto_pad, full - a.output);
      a.after = full - a.output - a.before;
    } else {
      a.output = full - a.before - a.after;
    }
    if (a.input == 0) a.output = std::max<std::int64_t>(a.output, 0);
    if (a.output < 0) return malformed("padding leaves an extent of " + std::to_string(a.output));
    axes.push_back(a);
  }
  TRY(check_planes(axes));
  return axes;
}

}  // namespace gossamer
