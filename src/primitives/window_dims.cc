// Symbolic counterparts of reference/window.cc.
#include "primitives/window_dims.h"

namespace gossamer {
namespace {

std::int64_t at(std::span<const std::int64_t> list, std::size_t i, std::int64_t otherwise) {
  return list.empty() ? otherwise : list[i];
}

Dim reach(const WindowOptions& o, std::size_t i, const Dim& kernel) {
  return (kernel - 1) * at(o.dilations, i, 1) + 1;
}

Dim padding(const WindowOptions& o, std::size_t rank, std::size_t i) {
  return at(o.pads, i, 0) + at(o.pads, rank + i, 0);
}

DimVector outputs(const std::vector<WindowAxis>& axes) {
  DimVector dims;
  for (const WindowAxis& a : axes) dims.emplace_back(a.output);
  return dims;
}

Dim window_count(const WindowOptions& o, std::size_t rank, std::size_t i, const Dim& input,
                 const Dim& kernel) {
  const std::int64_t stride = at(o.strides, i, 1);
  if (o.auto_pad != AutoPad::none) return ceil_div(input, stride);
  const Dim room = input + padding(o, rank, i) - reach(o, i, kernel);
  if (!o.ceil) return floor_div(room, stride) + 1;
  return min(ceil_div(room, stride) + 1, ceil_div(input + at(o.pads, i, 0), stride));
}

}  // namespace

std::optional<std::vector<std::int64_t>> constants_of(std::span<const Dim> dims) {
  std::vector<std::int64_t> numbers;
  for (const Dim& d : dims) {
    if (!d.is_constant()) return std::nullopt;
    numbers.push_back(*d.constant());
  }
  return numbers;
}

Result<DimVector> window_dims(const WindowOptions& o, std::span<const Dim> input,
                              std::span<const Dim> kernel) {
  if (kernel.size() != input.size()) return malformed("kernel and input differ in rank");
  TRY(check_windows(o, input.size()));
  const auto x = constants_of(input), k = constants_of(kernel);
  if (x && k) {
    ASSIGN(std::vector<WindowAxis> axes, resolve_windows(o, *x, *k));
    return outputs(axes);
  }
  DimVector dims;
  for (std::size_t i = 0; i < input.size(); ++i)
    dims.push_back(window_count(o, input.size(), i, input[i], kernel[i]));
  return dims;
}

Result<DimVector> transposed_dims(const WindowOptions& o,
                                  std::span<const std::int64_t> output_padding,
                                  std::span<const std::int64_t> extents, std::span<const Dim> input,
                                  std::span<const Dim> kernel) {
  if (kernel.size() != input.size()) return malformed("kernel and input differ in rank");
  TRY(check_windows(o, input.size()));
  if (!output_padding.empty() && output_padding.size() != input.size())
    return malformed("output_padding does not fit the input's rank");
  if (!extents.empty() && extents.size() != input.size())
    return malformed("extents do not fit the input's rank");
  const auto x = constants_of(input), k = constants_of(kernel);
  if (x && k) {
    ASSIGN(std::vector<WindowAxis> axes, resolve_transposed(o, output_padding, extents, *x, *k));
    return outputs(axes);
  }
  DimVector dims;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const std::int64_t stride = at(o.strides, i, 1);
    if (o.auto_pad != AutoPad::none)
      dims.push_back(extents.empty() ? input[i] * stride : Dim(extents[i]));
    else
      dims.push_back((input[i] - 1) * stride + at(output_padding, i, 0) + reach(o, i, kernel[i]) -
                     padding(o, input.size(), i));
  }
  return dims;
}

}  // namespace gossamer
