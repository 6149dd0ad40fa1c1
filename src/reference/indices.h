// Indices of Gather and Scatter: read as int64, wrapped once and checked.
#pragma once

#include "base/tensor.h"

namespace gossamer::reference {

// The indices as i64: the tensor itself or a converted copy. Other than i32 and i64 is malformed.
Result<Tensor> wide_indices(const Tensor& indices);
// The index within [0, n), counted from the end when negative; or malformed.
Result<std::int64_t> wrap_index(std::int64_t index, std::int64_t n);

// Offsets, in elements of x, of the slices x[batch.., coordinates] that indices [batch.., m.., k]
// name: one an index vector. The shapes must have been checked.
Result<Tensor> slice_offsets(const Shape& x, const Tensor& indices, int batch);

// Checks operands of `nd`: k and the batch axes must fit. Gives k.
Result<int> coordinates(const Shape& x, const Shape& indices, int batch);
// Checks operands of `along`: one rank, an axis, and indices no longer than x elsewhere.
Status check_along(const Shape& x, const Shape& indices, int axis);
// Offsets, in elements of x, of the elements that i64 `indices` name on `axis`, each at its own
// place on the other axes. The shapes must have been checked.
Result<Tensor> along_offsets(const Shape& x, const Tensor& indices, int axis);

}  // namespace gossamer::reference
