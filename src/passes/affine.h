// Elementwise expressions that are y = scale * x + shift, with constants for scale and shift.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace gossamer {

struct Affine {
  ValueId x = kNoValue;
  Tensor scale, shift;  // f64, of one shape, which broadcasts to y's
};

// What a Pointwise node does to its only operand that is no constant, when that is affine and in
// f32 or f64 throughout. The constants are computed in f64.
std::optional<Affine> as_affine(const Graph& graph, const Node& node);

// The numbers of a tensor that differ along one axis only of a value of `rank` axes, `count` of
// them; nothing when they differ elsewhere.
std::optional<std::vector<double>> along_axis(const Tensor& t, int rank, int axis,
                                              std::int64_t count);

}  // namespace gossamer
