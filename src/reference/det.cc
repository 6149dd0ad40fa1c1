// Det by LU decomposition with row pivoting.
#include "reference/det.h"

#include <algorithm>
#include <cmath>

#include "reference/numbers.h"

namespace gossamer::reference {
namespace {

// Destroys m, an n by n matrix.
double determinant(double* m, std::int64_t n) {
  double product = 1;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t i = k + 1; i < n; ++i)
      if (std::abs(m[i * n + k]) > std::abs(m[pivot * n + k])) pivot = i;
    const double p = m[pivot * n + k];
    if (p == 0) return 0;
    product *= pivot == k ? p : -p;
    if (pivot != k) std::swap_ranges(m + k * n, m + k * n + n, m + pivot * n);
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double f = m[i * n + k] / p;
      for (std::int64_t j = k + 1; j < n; ++j) m[i * n + j] -= f * m[k * n + j];
    }
  }
  return product;
}

}  // namespace

Status det(const DetAttributes&, Context& c) {
  const Tensor& x = c.tensor(0);
  const Shape& s = x.shape();
  const int rank = s.rank();
  if (rank < 2 || s[rank - 1] != s[rank - 2])
    return malformed("no square matrices in " + s.to_string());
  if (!is_arithmetic_float(x.dtype())) return malformed("determinants take floats");
  const std::int64_t n = s[rank - 1];
  ASSIGN(Tensor scratch, Tensor::make_uninitialized(DType::f64, Shape{n, n}));
  ASSIGN(Tensor * out, c.make(0, x.dtype(), Shape(std::span(s.dims()).first(s.dims().size() - 2))));
  return visit_number(x.dtype(), [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_integral_v<T>) {
      const T* from = x.values<T>().data();
      double* m = scratch.mutable_values<double>().data();
      for (T& y : out->mutable_values<T>()) {
        TRY(c.poll());
        for (std::int64_t i = 0; i < n * n; ++i) m[i] = to_double(*from++);
        y = round_to<T>(determinant(m, n));
      }
    }
    return {};
  });
}

}  // namespace gossamer::reference
