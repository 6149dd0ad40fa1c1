// What lowerings of elementwise operators share.
#pragma once

#include "onnx/lowering.h"
#include "reference/random.h"

namespace gossamer::onnx {

// Output 0 is one expression over the node's inputs 0..count-1, which must be there. Inputs come
// widened (f16 and bf16 as f32); the result is rounded once to `result`.
Status lower_expression(Lowering& l, std::size_t count, DType result,
                        const Builder::PointwiseFn& build);
// The same of one input, in its own dtype.
Status lower_activation(Lowering& l, const std::function<Ref(ExpressionBuilder&, Ref)>& build);

// Fails unless every input that is there is a numeric or boolean tensor.
Status expect_numeric(Lowering& l);

// Input 1 as operators below opset 7 broadcast it: with `broadcast`, its axes are laid along those
// of input 0 from `axis` on. From opset 7 on it is input 1 itself.
Result<ValueId> legacy_operand(Lowering& l);

// A scalar or one-element vector as an i64 vector of one element.
Result<ValueId> as_extent(Lowering& l, std::size_t i);

// Random numbers, f64 when `dtype` is and f32 otherwise, of the shape in the i64 vector `extent`,
// seeded by the node's attribute `seed` if there is one.
Result<ValueId> random_numbers(Lowering& l, Distribution distribution, DType dtype, ValueId extent);

}  // namespace gossamer::onnx
