// Names in a model: defined once, before they are used, in every graph, branch and function.
#pragma once

#include "onnx/model.h"

namespace gossamer::onnx {

// Fails with malformed, naming the node and the value. Inner graphs may shadow outer names.
Status check_names(const Model& model);

}  // namespace gossamer::onnx
