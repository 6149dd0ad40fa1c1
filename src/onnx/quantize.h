// What lowerings of quantized operators share.
#pragma once

#include "onnx/lowering.h"

namespace gossamer::onnx {

// Each element of `v` repeated `block` times along `axis`, cut to the extent that `like` has there:
// a last block may be short. Both must have a known rank above `axis`.
Result<ValueId> spread_blocks(Lowering& l, ValueId v, int axis, std::int64_t block, ValueId like);

struct Quantized {
  ValueId values, scale, zero_point;  // u8, f32 scalar, u8 scalar
};

// x (f32) in 256 steps over its own range, which is made to hold 0.
Result<Quantized> quantize_dynamically(Lowering& l, ValueId x);

// A scale or zero point of one element as a scalar, so that it adds no axes; others as they are.
Result<ValueId> as_scalar(Lowering& l, ValueId v);

// The numbers that `values` stand for, in f32; `zero_point` may be kNoValue.
Result<ValueId> dequantized(Lowering& l, ValueId values, ValueId scale, ValueId zero_point);

}  // namespace gossamer::onnx
