// What lowerings of attention operators share.
#pragma once

#include "onnx/lowering.h"
#include "reference/attention.h"

namespace gossamer::onnx {

// x[b,s,heads*d] as [b,heads,s,d], and back.
Result<ValueId> split_heads(Lowering& l, ValueId x, std::int64_t heads);
Result<ValueId> merge_heads(Lowering& l, ValueId x);
// An extent that must be a number now.
Result<std::int64_t> known_extent(Lowering& l, ValueId x, int axis, std::string_view what);
// A positive number of heads.
Result<std::int64_t> required_heads(Lowering& l, std::string_view name);

// Rotates pairs of the first 2*half elements of x's last axis; cos and sin broadcast to
// x[..,half]. `interleaved`: pairs are neighbors, otherwise halves.
Result<ValueId> rotate_pairs(Lowering& l, ValueId x, ValueId cos, ValueId sin, std::int64_t half,
                             bool interleaved);

}  // namespace gossamer::onnx
