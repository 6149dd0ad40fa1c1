// Subtracts broadcast zero points row by row.
#include "reference/zero_point.h"

#include "reference/accumulate.h"

namespace gossamer::reference {

Result<Tensor> without_zero_point(const Tensor& x, const Tensor& zero) {
  if (zero.dtype() != x.dtype() || !is_integer(x.dtype()) || dtype_size(x.dtype()) != 1)
    return malformed("a zero point of " + std::string(dtype_name(zero.dtype())) + " for " +
                     std::string(dtype_name(x.dtype())));
  Result<Shape> both = broadcast(x.shape(), zero.shape());
  if (!both.ok() || !(*both == x.shape()))
    return malformed("a zero point of shape " + zero.shape().to_string() + " for " +
                     x.shape().to_string());
  ASSIGN(Tensor wide, widened(x, DType::i32));
  ASSIGN(Tensor zeros, widened(zero, DType::i32));
  ASSIGN(Tensor y, Tensor::make_uninitialized(DType::i32, x.shape()));
  const int rank = x.rank();
  const std::vector<std::int64_t> strides = broadcast_strides(zero.shape(), x.shape());
  const std::int64_t row = rank == 0 ? 1 : x.shape()[rank - 1];
  const std::int64_t step = rank == 0 ? 0 : strides.back();
  auto in = wide.values<std::int32_t>();
  auto z = zeros.values<std::int32_t>();
  auto out = y.mutable_values<std::int32_t>();
  for (std::size_t first = 0; first < in.size(); first += static_cast<std::size_t>(row)) {
    std::int64_t rest = static_cast<std::int64_t>(first) / row, offset = 0;
    for (int d = rank - 2; d >= 0; --d) {
      offset += rest % x.shape()[d] * strides[static_cast<std::size_t>(d)];
      rest /= x.shape()[d];
    }
    for (std::int64_t j = 0; j < row; ++j) {
      const std::size_t i = first + static_cast<std::size_t>(j);
      out[i] = in[i] - z[static_cast<std::size_t>(offset + j * step)];
    }
  }
  return y;
}

}  // namespace gossamer::reference
