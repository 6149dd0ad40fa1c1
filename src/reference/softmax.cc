// Softmax, row by row.
#include "reference/softmax.h"

#include <cmath>
#include <limits>

#include "reference/rows.h"

namespace gossamer::reference {
namespace {

template <class T>
void softmax_row(const T* x, T* y, std::int64_t n, bool log) {
  using A = Accumulator<T>;
  A top = -std::numeric_limits<A>::infinity();
  for (std::int64_t i = 0; i < n; ++i) top = load(x[i]) > top ? load(x[i]) : top;
  const A sum = pairwise_sum<A>(0, n, [=](std::int64_t i) { return std::exp(load(x[i]) - top); });
  const A shift = top + std::log(sum);
  for (std::int64_t i = 0; i < n; ++i)
    y[i] = store<T>(
        log ? (std::isfinite(shift) ? load(x[i]) - top - std::log(sum) : load(x[i]) - shift)
            : std::exp(load(x[i]) - top) / sum);
}

}  // namespace

Status softmax(const SoftmaxAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  if (a.axis < 0 || a.axis >= x.rank())
    return malformed("axis " + std::to_string(a.axis) + " is out of range");
  if (!is_arithmetic_float(x.dtype())) return malformed("softmax takes floats");
  const int axes[] = {a.axis};
  ASSIGN(Tensor rows, axes_last(x, axes));
  ASSIGN(Tensor out, Tensor::make_uninitialized(x.dtype(), rows.shape()));
  const std::int64_t n = x.shape()[a.axis];
  const auto run = [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < rows.count(); i += n)
      softmax_row<T>(rows.values<T>().data() + i, out.mutable_values<T>().data() + i, n, a.log);
  };
  switch (x.dtype()) {
    case DType::f16:
      run(TypeTag<F16>{});
      break;
    case DType::bf16:
      run(TypeTag<BF16>{});
      break;
    case DType::f64:
      run(TypeTag<double>{});
      break;
    default:
      run(TypeTag<float>{});
  }
  ASSIGN(Tensor y, axes_back(out, axes));
  c.set(0, std::move(y));
  return {};
}

}  // namespace gossamer::reference
