// What lowerings of the ai.onnx.ml domain share.
#pragma once

#include "onnx/lowering.h"

namespace gossamer::onnx {

// Scores [n,classes] after the transform NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT.
Result<ValueId> post_transform(Lowering& l, ValueId scores, std::string_view name);

// The labels of a classifier: a vector of strings or of i64.
Result<Tensor> class_labels(const Lowering& l, std::string_view ints, std::string_view strings);

// Sets output 0 to each row's label and output 1 to the transformed scores f32 [n,classes]. One
// score for two labels stands for the second label: `threshold` divides them, and the first
// label's score is `complement` - score.
struct Classes {
  Tensor labels;
  std::string transform;
  float threshold = 0, complement = 0;
};
Status classify(Lowering& l, ValueId scores, std::int64_t columns, const Classes& classes);

}  // namespace gossamer::onnx
