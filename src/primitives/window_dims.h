// The number of windows as an expression over symbols: the shape rules of Conv, ConvTranspose, Pool
// and Fold.
#pragma once

#include <span>

#include "graph/infer.h"
#include "reference/window.h"

namespace gossamer {

// Extents of the result of windows over `input` with `kernel` extents; numbers are checked as
// resolve_windows does.
Result<DimVector> window_dims(const WindowOptions& options, std::span<const Dim> input,
                              std::span<const Dim> kernel);
// The same for transposed windows.
Result<DimVector> transposed_dims(const WindowOptions& options,
                                  std::span<const std::int64_t> output_padding,
                                  std::span<const std::int64_t> extents, std::span<const Dim> input,
                                  std::span<const Dim> kernel);
// The numbers when all are known.
std::optional<std::vector<std::int64_t>> constants_of(std::span<const Dim> dims);

}  // namespace gossamer
