// Recognizing expressions that are an operator of the standard: the inverse of the lowerings of
// activations, from the same functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "onnx/model.h"
#include "reference/pointwise.h"

namespace gossamer::onnx {

struct CanonicalMatch {
  std::string op;
  std::vector<Ref> inputs;
  std::vector<Attribute> attributes;
};

// The operators of at most this opset whose expression stands at `root` of the program, most
// instructions first.
std::vector<CanonicalMatch> canonical_matches(const PointwiseProgram& program, Ref root,
                                              std::int64_t opset);

}  // namespace gossamer::onnx
