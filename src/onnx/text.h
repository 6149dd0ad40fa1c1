// What lowerings that meet strings share.
#pragma once

#include "onnx/lowering.h"
#include "reference/text.h"

namespace gossamer::onnx {

// Whether input i is there and a tensor of strings.
bool is_text(Lowering& l, std::size_t i);
Result<ValueId> add_text(Lowering& l, TextAttributes a, std::vector<ValueId> operands);

}  // namespace gossamer::onnx
