// The attributes that operators with sliding windows share: kernel_shape, strides, dilations, pads,
// auto_pad, ceil_mode.
#pragma once

#include <vector>

#include "onnx/lowering.h"
#include "reference/pool.h"
#include "reference/window.h"

namespace gossamer::onnx {

struct WindowArguments {
  std::vector<std::int64_t> strides, dilations, pads;  // empty: the default
  AutoPad auto_pad = AutoPad::none;
};

// Reads and checks them; auto_pad VALID is no padding, SAME_* drops the pads.
Result<WindowArguments> read_windows(Lowering& l);

// The attributes of a pooling operator whose windows lie along the axes from `first_axis` on; input
// 0 has two more axes than the windows.
Result<PoolAttributes> read_pool(Lowering& l, PoolOp op, int first_axis = 2);

// Refuses an attribute kernel_shape that differs from the weights' known extents.
Status check_kernel_shape(Lowering& l, ValueId weights);

// A Conv-like product rounded to `dtype`, with an optional bias of one element a channel added
// before. `wide` is the product in its accumulator when dtype is narrower.
Result<ValueId> finish_product(Lowering& l, ValueId wide, DType dtype, ValueId bias, int rank);

}  // namespace gossamer::onnx
