// Reading and checking indices.
#include "reference/indices.h"

namespace gossamer::reference {

Result<Tensor> wide_indices(const Tensor& indices) {
  if (indices.dtype() == DType::i64) return indices;
  if (indices.dtype() != DType::i32) return malformed("indices must be i32 or i64");
  ASSIGN(Tensor wide, Tensor::make_uninitialized(DType::i64, indices.shape()));
  auto y = wide.mutable_values<std::int64_t>();
  auto x = indices.values<std::int32_t>();
  std::copy(x.begin(), x.end(), y.begin());
  return wide;
}

Result<std::int64_t> wrap_index(std::int64_t index, std::int64_t n) {
  const std::int64_t wrapped = index < 0 ? index + n : index;
  if (wrapped < 0 || wrapped >= n)
    return malformed("index " + std::to_string(index) + " is out of range for an extent of " +
                     std::to_string(n));
  return wrapped;
}

Result<int> coordinates(const Shape& x, const Shape& indices, int batch) {
  if (batch < 0 || indices.rank() <= batch || x.rank() < batch)
    return malformed("indices " + indices.to_string() + " have fewer axes than the batch");
  for (int d = 0; d < batch; ++d)
    if (x[d] != indices[d])
      return malformed("batch axes of " + x.to_string() + " and indices " + indices.to_string() +
                       " differ");
  const std::int64_t k = indices[indices.rank() - 1];
  if (k > x.rank() - batch)
    return malformed("indices have " + std::to_string(k) + " coordinates for " + x.to_string());
  return static_cast<int>(k);
}

Status check_along(const Shape& x, const Shape& indices, int axis) {
  if (axis < 0 || axis >= x.rank() || x.rank() != indices.rank())
    return malformed("indices " + indices.to_string() + " do not fit " + x.to_string());
  for (int d = 0; d < x.rank(); ++d)
    if (d != axis && indices[d] > x[d])
      return malformed("indices " + indices.to_string() + " exceed " + x.to_string());
  return {};
}

Result<Tensor> along_offsets(const Shape& x, const Tensor& indices, int axis) {
  const Shape& s = indices.shape();
  const std::vector<std::int64_t> strides = x.strides();
  ASSIGN(Tensor offsets, Tensor::make_uninitialized(DType::i64, s));
  if (indices.count() == 0) return offsets;
  std::int64_t* y = offsets.mutable_values<std::int64_t>().data();
  const auto a = static_cast<std::size_t>(axis);
  std::vector<std::int64_t> at(s.dims().size(), 0);
  std::int64_t base = 0;  // of the place on all axes but `axis`
  for (std::int64_t i : indices.values<std::int64_t>()) {
    ASSIGN(std::int64_t index, wrap_index(i, x[axis]));
    *y++ = base + index * strides[a];
    for (std::size_t d = at.size(); d-- > 0;) {
      const std::int64_t stride = d == a ? 0 : strides[d];
      base += stride;
      if (++at[d] < s.dims()[d]) break;
      base -= stride * s.dims()[d];
      at[d] = 0;
    }
  }
  return offsets;
}

Result<Tensor> slice_offsets(const Shape& x, const Tensor& indices, int batch) {
  ASSIGN(int k, coordinates(x, indices.shape(), batch));
  ASSIGN(Tensor wide, wide_indices(indices));
  const std::vector<std::int64_t> strides = x.strides();
  const int last = indices.rank() - 1;
  const std::int64_t batches = indices.shape().count(0, batch);
  const std::int64_t each = indices.shape().count(batch, last);
  const std::int64_t step = x.count(batch, x.rank());
  ASSIGN(Tensor offsets, Tensor::make_uninitialized(DType::i64, Shape{batches, each}));
  std::int64_t* y = offsets.mutable_values<std::int64_t>().data();
  const std::int64_t* at = wide.values<std::int64_t>().data();
  for (std::int64_t b = 0; b < batches; ++b)
    for (std::int64_t i = 0; i < each; ++i, at += k) {
      std::int64_t offset = b * step;
      for (int d = 0; d < k; ++d) {
        ASSIGN(std::int64_t index, wrap_index(at[d], x[batch + d]));
        offset += index * strides[static_cast<std::size_t>(batch + d)];
      }
      *y++ = offset;
    }
  return offsets;
}

}  // namespace gossamer::reference
