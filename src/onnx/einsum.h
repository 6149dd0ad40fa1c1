// The equations of Einsum.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gossamer::onnx {

// One number an axis: letters by their code, axes of an ellipsis as -1 (the last), -2 and so on.
using Labels = std::vector<int>;

struct Equation {
  std::vector<Labels> terms;  // of the operands
  Labels output;              // every label is in some term, none twice
};

// Parses "ij,jk->ik" for operands of these ranks. Spaces are ignored. Without "->" the output is
// the ellipsis, then the letters that come once, sorted. Fails with malformed.
Result<Equation> parse_equation(std::string_view text, std::span<const int> ranks);

}  // namespace gossamer::onnx
