// Moving axes last and back, by strided copies.
#include "reference/rows.h"

#include <algorithm>

#include "reference/strided.h"

namespace gossamer::reference {
namespace {

// The order that puts `axes` last.
std::vector<int> order_of(int rank, std::span<const int> axes) {
  std::vector<int> order;
  for (int d = 0; d < rank; ++d)
    if (std::find(axes.begin(), axes.end(), d) == axes.end()) order.push_back(d);
  order.insert(order.end(), axes.begin(), axes.end());
  return order;
}

// y's axis i is x's axis order[i].
Result<Tensor> permuted(const Tensor& x, const std::vector<int>& order) {
  Shape shape;
  for (int d : order) shape.dims().push_back(x.shape()[d]);
  if (std::is_sorted(order.begin(), order.end())) return x;
  ASSIGN(Tensor y, Tensor::make_uninitialized(x.dtype(), shape));
  const std::vector<std::int64_t> from = x.shape().strides(), to = shape.strides();
  std::vector<StridedAxis> block;
  for (std::size_t i = 0; i < order.size(); ++i)
    block.push_back({shape[static_cast<int>(i)], from[static_cast<std::size_t>(order[i])], to[i]});
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    copy_strided<T>(block, x.values<T>().data(), y.mutable_values<T>().data());
  });
  return y;
}

}  // namespace

Result<Tensor> axes_last(const Tensor& x, std::span<const int> axes) {
  return permuted(x, order_of(x.rank(), axes));
}

Result<Tensor> axes_back(const Tensor& y, std::span<const int> axes) {
  const std::vector<int> order = order_of(y.rank(), axes);
  std::vector<int> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    inverse[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  return permuted(y, inverse);
}

}  // namespace gossamer::reference
