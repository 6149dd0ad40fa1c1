// Normalize in two stages: rows in the accumulator, then scale and bias.
#include "reference/normalize.h"

#include <cmath>
#include <numeric>

#include "reference/accumulate.h"
#include "reference/rows.h"

namespace gossamer::reference {
namespace {

// Where rows lie: x itself, or with its axes moved so that they are contiguous.
struct Rows {
  Tensor x;
  std::vector<int> axes;  // moved last
  std::int64_t length = 1;
  Shape statistics;
};

Result<Rows> rows_of(const NormalizeAttributes& a, const Tensor& x) {
  Rows r;
  r.statistics = x.shape();
  if (a.groups > 0) {
    if (x.rank() < 2 || x.shape()[1] % a.groups != 0)
      return malformed("the channels of " + x.shape().to_string() + " do not fall into " +
                       std::to_string(a.groups) + " groups");
    r.length = x.shape()[1] / a.groups * x.shape().count(2, x.rank());
    for (int d = 2; d < x.rank(); ++d) r.statistics[d] = 1;
    r.statistics[1] = a.groups;
    r.x = x;
    return r;
  }
  r.axes = a.axes;
  for (int axis : a.axes) {
    if (axis < 0 || axis >= x.rank())
      return malformed("axis " + std::to_string(axis) + " is out of range");
    r.length *= x.shape()[axis];
    r.statistics[axis] = 1;
  }
  ASSIGN(r.x, axes_last(x, a.axes));
  return r;
}

// One row of T by way of A; gives mean and inverse deviation.
template <class T, class A>
std::pair<A, A> normalize_row(const NormalizeAttributes& a, const T* x, T* y, std::int64_t n) {
  const A count = static_cast<A>(n);
  const auto at = [x](std::int64_t i) { return static_cast<A>(load(x[i])); };
  const A mean = a.center ? pairwise_sum<A>(0, n, at) / count : A{0};
  const A squares = pairwise_sum<A>(0, n, [&](std::int64_t i) {
    const A d = at(i) - mean;
    return d * d;
  });
  const A inverse = A{1} / std::sqrt(squares / count + static_cast<A>(a.epsilon));
  for (std::int64_t i = 0; i < n; ++i)
    y[i] = store<T>(static_cast<Accumulator<T>>((at(i) - mean) * inverse));
  return {mean, inverse};
}

template <class T, class A>
Status normalize_rows(const NormalizeAttributes& a, const Rows& r, Tensor& y, Tensor& mean,
                      Tensor& inverse, Context& c) {
  const T* x = r.x.values<T>().data();
  T* out = y.mutable_values<T>().data();
  std::span<A> means = mean.mutable_values<A>(), inverses = inverse.mutable_values<A>();
  for (std::size_t i = 0; i < means.size(); ++i) {
    if (i % 1024 == 0) TRY(c.poll());
    std::tie(means[i], inverses[i]) = normalize_row<T, A>(a, x, out, r.length);
    x += r.length;
    out += r.length;
  }
  return {};
}

// Calls f with the strides of `operand` along y and the offset of each innermost row of y.
template <class F>
void for_each_row(const Shape& shape, const std::vector<std::int64_t>& strides, const F& f) {
  const int outer = shape.rank() - 1;
  std::vector<std::int64_t> at(static_cast<std::size_t>(std::max(outer, 0)), 0);
  std::int64_t offset = 0;
  const std::int64_t rows = shape.count(0, outer);
  for (std::int64_t row = 0; row < rows; ++row) {
    f(row, offset);
    for (int d = outer - 1; d >= 0; --d) {
      const auto i = static_cast<std::size_t>(d);
      offset += strides[i];
      if (++at[i] < shape[d]) break;
      offset -= strides[i] * shape[d];
      at[i] = 0;
    }
  }
}

// y (already in T) times scale plus bias, of which either may be missing.
template <class T>
Status scale_and_shift(Tensor& y, const Tensor* scale, const Tensor* bias) {
  using A = Accumulator<T>;
  const Shape shape = y.rank() == 0 ? Shape{1} : y.shape();
  if (shape.count() == 0) return {};
  const std::int64_t n = shape[shape.rank() - 1];
  ASSIGN(Tensor factors, Tensor::make_uninitialized(dtype_of<A>, shape));
  std::span<A> wide = factors.template mutable_values<A>();
  std::span<T> out = y.mutable_values<T>();
  for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = load(out[i]);
  const auto apply = [&](const Tensor& t, const auto& combine) {
    const std::vector<std::int64_t> strides = broadcast_strides(t.shape(), shape);
    const std::int64_t step = strides.back();
    for_each_row(shape, strides, [&](std::int64_t row, std::int64_t offset) {
      A* to = wide.data() + row * n;
      const T* from = t.values<T>().data() + offset;
      for (std::int64_t i = 0; i < n; ++i) to[i] = combine(to[i], load(from[i * step]));
    });
  };
  if (scale) apply(*scale, [](A v, A s) { return v * s; });
  if (bias) apply(*bias, [](A v, A b) { return v + b; });
  for (std::size_t i = 0; i < wide.size(); ++i) out[i] = store<T>(wide[i]);
  return {};
}

Status check_operand(const Tensor& t, const Tensor& x, std::string_view what) {
  const Result<Shape> joined = broadcast(t.shape(), x.shape());
  const bool fits = joined.ok() && (*joined == x.shape() || x.rank() == 0);
  if (t.dtype() == x.dtype() && fits && t.rank() <= x.rank()) return {};
  return malformed(std::string(what) + " " + t.shape().to_string() + " does not fit " +
                   x.shape().to_string());
}

template <class F>
Status visit_float(DType dtype, const F& f) {
  switch (dtype) {
    case DType::f16:
      return f(TypeTag<F16>{});
    case DType::bf16:
      return f(TypeTag<BF16>{});
    case DType::f64:
      return f(TypeTag<double>{});
    case DType::f32:
      return f(TypeTag<float>{});
    default:
      return malformed("cannot normalize " + std::string(dtype_name(dtype)));
  }
}

}  // namespace

Status normalize(const NormalizeAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  const Tensor* scale = c.has(1) ? &c.tensor(1) : nullptr;
  const Tensor* bias = c.has(2) ? &c.tensor(2) : nullptr;
  if (scale) TRY(check_operand(*scale, x, "the scale"));
  if (bias) TRY(check_operand(*bias, x, "the bias"));
  ASSIGN(const Rows rows, rows_of(a, x));
  const DType wide = accumulator_of(a.acc);
  ASSIGN(Tensor y, Tensor::make_uninitialized(x.dtype(), rows.x.shape()));
  ASSIGN(Tensor mean, Tensor::make_uninitialized(wide, rows.statistics));
  ASSIGN(Tensor inverse, Tensor::make_uninitialized(wide, rows.statistics));
  TRY(visit_float(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return wide == DType::f64 ? normalize_rows<T, double>(a, rows, y, mean, inverse, c)
                              : normalize_rows<T, float>(a, rows, y, mean, inverse, c);
  }));
  if (!rows.axes.empty()) {
    ASSIGN(y, axes_back(y, rows.axes));
  }
  if (scale || bias)
    TRY(visit_float(x.dtype(), [&](auto tag) {
      return scale_and_shift<typename decltype(tag)::type>(y, scale, bias);
    }));
  c.set(0, std::move(y));
  const Tensor* statistics[] = {&mean, &inverse};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!c.wanted(i + 1)) continue;
    ASSIGN(Tensor * out, c.make(i + 1, a.acc, rows.statistics));
    narrow(*statistics[i], *out);
  }
  return {};
}

}  // namespace gossamer::reference
