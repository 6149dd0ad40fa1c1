// Cutting a part out of a model: what lies between some values and others.
#pragma once

#include <string>
#include <vector>

#include "onnx/lower.h"

namespace gossamer::onnx {

// The part of the outermost graph that computes the values `to` from the values `from`, both by the
// file's names. What `from` names become the inputs, with the types that lowering found. Fails with
// usage when a name is unknown or given twice, or when `to` depends on an input of the model that
// `from` does not cover.
Result<gossamer::Graph> extract(const std::shared_ptr<const Model>& model,
                                const std::vector<std::string>& from,
                                const std::vector<std::string>& to, LowerOptions options = {});

}  // namespace gossamer::onnx
