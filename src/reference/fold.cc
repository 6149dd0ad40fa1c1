// Fold: one pass over the windows of each tap, in the accumulator.
#include "reference/fold.h"

#include "reference/accumulate.h"

namespace gossamer::reference {
namespace {

// Where in a plane of y window `w` of tap `t` adds; -1 when it is padding.
std::int64_t target(std::span<const WindowAxis> axes, std::int64_t t, std::int64_t w) {
  std::int64_t offset = 0, stride = 1;
  for (auto a = axes.rbegin(); a != axes.rend(); ++a) {
    const std::int64_t i = w % a->output * a->stride + t % a->kernel * a->dilation - a->before;
    if (i < 0 || i >= a->input) return -1;
    offset += i * stride;
    stride *= a->input;
    w /= a->output;
    t /= a->kernel;
  }
  return offset;
}

template <class T>
Status add_windows(std::span<const WindowAxis> axes, std::int64_t taps, std::int64_t windows,
                   std::int64_t planes, std::int64_t plane, const T* x, T* y, Context& c) {
  for (std::int64_t t = 0; t < taps; ++t) {
    TRY(c.poll());
    for (std::int64_t w = 0; w < windows; ++w) {
      const std::int64_t at = target(axes, t, w);
      if (at < 0) continue;
      for (std::int64_t p = 0; p < planes; ++p)
        y[p * plane + at] += x[(p * taps + t) * windows + w];
    }
  }
  return {};
}

}  // namespace

Status fold(const FoldAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  std::vector<std::int64_t> extents = a.extents;
  if (c.has(1)) {
    ASSIGN(extents, to_int64s(c.tensor(1)));
  }
  ASSIGN(const std::vector<WindowAxis> axes, resolve_windows(a.windows(), extents, a.kernel));
  std::int64_t taps = 1, windows = 1;
  for (const WindowAxis& axis : axes) {
    taps *= axis.kernel;
    windows *= axis.output;
  }
  const int lead = x.rank() - 2;
  if (lead < 0 || x.shape()[lead] != taps || x.shape()[lead + 1] != windows)
    return malformed("x of shape " + x.shape().to_string() + " does not hold " +
                     std::to_string(taps) + " taps of " + std::to_string(windows) + " windows");
  Shape shape(std::span(x.shape().dims()).first(static_cast<std::size_t>(lead)));
  shape.dims().insert(shape.dims().end(), extents.begin(), extents.end());
  ASSIGN(Tensor * y, c.make(0, x.dtype(), shape));
  if (!is_arithmetic_float(x.dtype()) && !is_arithmetic_integer(x.dtype()))
    return malformed("cannot add " + std::string(dtype_name(x.dtype())));
  const DType accumulator = accumulator_of(x.dtype());
  ASSIGN(const Tensor wide, widened(x, accumulator));
  ASSIGN(Tensor sums, Tensor::make(accumulator, shape));
  // Without an element to add the taps may be more than can be counted.
  if (x.count() > 0)
    TRY(visit_accumulator(accumulator, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const std::int64_t plane = shape.count(lead, shape.rank());
      return add_windows<T>(axes, taps, windows, shape.count(0, lead), plane,
                            wide.values<T>().data(), sums.mutable_values<T>().data(), c);
    }));
  narrow(sums, *y);
  return {};
}

}  // namespace gossamer::reference
