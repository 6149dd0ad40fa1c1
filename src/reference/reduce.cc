// Reduce, row by row of the reduced axes.
#include "reference/reduce.h"

#include <cmath>
#include <limits>

#include "reference/rows.h"

namespace gossamer {

std::span<const std::string_view> enum_names(ReduceOp) {
  static constexpr std::string_view kNames[] = {"sum", "mean", "prod", "max", "min", "logsumexp"};
  return kNames;
}

namespace reference {
namespace {

template <class A>
bool is_nan(A v) {
  if constexpr (std::is_floating_point_v<A>)
    return std::isnan(v);
  else
    return false;
}

// The sum of integers wraps: it is formed unsigned.
template <class A>
struct SumOf {
  using type = A;
};
template <class A>
  requires(std::is_integral_v<A> && !std::is_same_v<A, bool>)
struct SumOf<A> {
  using type = std::make_unsigned_t<A>;
};

template <class T, class A>
A sum_of(const T* x, std::int64_t n) {
  using S = typename SumOf<A>::type;
  return static_cast<A>(
      pairwise_sum<S>(0, n, [x](std::int64_t i) { return static_cast<S>(load(x[i])); }));
}

template <class T, class A>
A product_of(const T* x, std::int64_t n) {
  using S = typename SumOf<A>::type;
  S product = 1;
  for (std::int64_t i = 0; i < n; ++i)
    product = static_cast<S>(product * static_cast<S>(load(x[i])));
  return static_cast<A>(product);
}

template <class T, class A, bool kMax>
A extreme_of(const T* x, std::int64_t n) {
  using L = std::numeric_limits<A>;
  A best = kMax ? (L::has_infinity ? -L::infinity() : L::lowest())
                : (L::has_infinity ? L::infinity() : L::max());
  for (std::int64_t i = 0; i < n; ++i) {
    const A v = load(x[i]);
    if (is_nan(v)) return v;
    if (kMax ? v > best : v < best) best = v;
  }
  return best;
}

// log(sum(exp(x))), shifted by the maximum so that nothing overflows.
template <class T, class A>
A log_sum_exp(const T* x, std::int64_t n) {
  const A top = extreme_of<T, A, true>(x, n);
  if (!std::isfinite(top)) return top;
  return top + std::log(pairwise_sum<A>(
                   0, n, [=](std::int64_t i) { return std::exp(load(x[i]) - top); }));
}

template <class T>
Accumulator<T> reduce_row(ReduceOp op, const T* x, std::int64_t n) {
  using A = Accumulator<T>;
  if (op == ReduceOp::max) return extreme_of<T, A, true>(x, n);
  if (op == ReduceOp::min) return extreme_of<T, A, false>(x, n);
  if constexpr (!std::is_same_v<T, bool>) {
    if (op == ReduceOp::prod) return product_of<T, A>(x, n);
    if (op == ReduceOp::sum) return sum_of<T, A>(x, n);
    if constexpr (std::is_floating_point_v<A>) {
      if (op == ReduceOp::mean) return sum_of<T, A>(x, n) / static_cast<A>(n);
      if (op == ReduceOp::logsumexp) return log_sum_exp<T, A>(x, n);
    } else if (op == ReduceOp::mean && n > 0) {
      return static_cast<A>(sum_of<T, A>(x, n) / static_cast<A>(n));
    }
  }
  return A{};
}

template <class T>
inline constexpr bool kReducible =
    std::is_arithmetic_v<T> || std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

Shape reduced_shape(const ReduceAttributes& a, const Shape& x) {
  std::vector<bool> gone(static_cast<std::size_t>(x.rank()), false);
  for (int axis : a.axes) gone[static_cast<std::size_t>(axis)] = true;
  Shape y;
  for (int d = 0; d < x.rank(); ++d)
    if (!gone[static_cast<std::size_t>(d)])
      y.dims().push_back(x[d]);
    else if (a.keep)
      y.dims().push_back(1);
  return y;
}

}  // namespace

Status reduce(const ReduceAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  for (int axis : a.axes)
    if (axis < 0 || axis >= x.rank())
      return malformed("axis " + std::to_string(axis) + " is out of range");
  ASSIGN(Tensor rows, axes_last(x, a.axes));
  ASSIGN(Tensor * y, c.make(0, x.dtype(), reduced_shape(a, x.shape())));
  std::int64_t n = 1;
  for (int axis : a.axes) n *= x.shape()[axis];
  return visit_dtype(x.dtype(), [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (!kReducible<T>) {
      return malformed("cannot reduce " + std::string(dtype_name(x.dtype())));
    } else {
      const T* in = rows.values<T>().data();
      for (T& out : y->template mutable_values<T>()) {
        out = store<T>(reduce_row(a.op, in, n));
        in += n;
      }
      return {};
    }
  });
}

}  // namespace reference
}  // namespace gossamer
