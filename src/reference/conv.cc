// Conv by gathered panels of pixels; sums are formed in the accumulator and rounded once.
#include "reference/conv.h"

#include "reference/accumulate.h"
#include "reference/correlate.h"
#include "reference/zero_point.h"

namespace gossamer::reference {
namespace {

Result<Correlation> correlation(const ConvAttributes& a, const Shape& x, const Shape& w) {
  if (x.rank() < 3 || w.rank() != x.rank())
    return malformed("x of shape " + x.to_string() + " and w of shape " + w.to_string());
  if (a.group < 1 || w[0] % a.group != 0 || x[1] % a.group != 0 || x[1] / a.group != w[1])
    return malformed("w of shape " + w.to_string() + " does not fit x of shape " + x.to_string() +
                     " in " + std::to_string(a.group) + " groups");
  Correlation s;
  s.batch = x[0];
  s.groups = a.group;
  s.in_channels = w[1];
  s.out_channels = w[0] / a.group;
  ASSIGN(s.axes, resolve_windows(a.windows(), std::span(x.dims()).subspan(2),
                                 std::span(w.dims()).subspan(2)));
  return s;
}

Result<Tensor> operand(Context& c, std::size_t i, std::size_t zero, DType accumulator) {
  const Tensor& x = c.tensor(i);
  if (!c.has(zero)) return widened(x, accumulator);
  const Tensor& z = c.tensor(zero);
  if (z.count() == 1) return without_zero_point(x, z.reshaped(Shape{}));
  // One an output channel.
  std::vector<std::int64_t> dims(static_cast<std::size_t>(x.rank()), 1);
  dims[0] = z.count();
  if (i == 0 || z.count() != x.shape()[0])
    return malformed("a zero point of shape " + z.shape().to_string());
  return without_zero_point(x, z.reshaped(Shape(std::move(dims))));
}

}  // namespace

Status conv(const ConvAttributes& a, Context& c) {
  const Tensor &x = c.tensor(0), &w = c.tensor(1);
  ASSIGN(const Correlation s, correlation(a, x.shape(), w.shape()));
  ASSIGN(const DType dtype, product_dtype(x.dtype(), w.dtype(), a.wide));
  const DType accumulator = accumulator_of(dtype);
  Shape shape{x.shape()[0], w.shape()[0]};
  for (const WindowAxis& axis : s.axes) shape.dims().push_back(axis.output);
  ASSIGN(Tensor * y, c.make(0, dtype, shape));
  ASSIGN(const Tensor xs, operand(c, 0, 2, accumulator));
  ASSIGN(const Tensor ws, operand(c, 1, 3, accumulator));
  const bool direct = is_accumulator(dtype);
  Tensor rounded;
  if (!direct) {
    ASSIGN(rounded, Tensor::make_uninitialized(accumulator, shape));
  }
  Tensor& sums = direct ? *y : rounded;
  TRY(visit_accumulator(accumulator, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return correlate<T>(s, xs.values<T>(), ws.values<T>(), sums.mutable_values<T>(), c);
  }));
  if (!direct) narrow(sums, *y);
  return {};
}

}  // namespace gossamer::reference
