// What lowerings of normalizing operators share.
#pragma once

#include "onnx/lowering.h"
#include "reference/normalize.h"

namespace gossamer::onnx {

// y, mean and inverse deviation of one Normalize over the axes of x from `axis` on. `scale` and
// `bias` may be kNoValue; where their dtype differs from x's, y has theirs.
Result<std::vector<ValueId>> normalize_tail(Lowering& l, ValueId x, ValueId scale, ValueId bias,
                                            std::int64_t axis, NormalizeAttributes a);

// The dtype in which statistics are computed: attribute stash_type, f32 unless named.
Result<DType> stash_type(Lowering& l);

}  // namespace gossamer::onnx
