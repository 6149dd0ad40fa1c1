// ConvTranspose in gather form: each output pixel sums the taps that reach it.
#include "reference/conv_transpose.h"

#include "reference/accumulate.h"
#include "reference/correlate.h"

namespace gossamer::reference {
namespace {

Result<Correlation> correlation(const ConvTransposeAttributes& a, const Shape& x, const Shape& w) {
  if (x.rank() < 3 || w.rank() != x.rank())
    return malformed("x of shape " + x.to_string() + " and w of shape " + w.to_string());
  if (a.group < 1 || w[0] != x[1] || x[1] % a.group != 0)
    return malformed("w of shape " + w.to_string() + " does not fit x of shape " + x.to_string() +
                     " in " + std::to_string(a.group) + " groups");
  Correlation s;
  s.batch = x[0];
  s.groups = a.group;
  s.in_channels = x[1] / a.group;
  s.out_channels = w[1];
  s.transposed = true;
  ASSIGN(s.axes,
         resolve_transposed(a.windows(), a.output_padding, a.extents,
                            std::span(x.dims()).subspan(2), std::span(w.dims()).subspan(2)));
  return s;
}

// w[group*in, out, taps] as [group*out, in, taps].
template <class T>
void exchange_channels(const Correlation& s, std::span<const T> w, std::span<T> out) {
  const std::int64_t taps = s.taps();
  const T* from = w.data();
  for (std::int64_t g = 0; g < s.groups; ++g)
    for (std::int64_t i = 0; i < s.in_channels; ++i)
      for (std::int64_t o = 0; o < s.out_channels; ++o, from += taps)
        std::copy_n(from, taps, out.data() + ((g * s.out_channels + o) * s.in_channels + i) * taps);
}

}  // namespace

Status conv_transpose(const ConvTransposeAttributes& a, Context& c) {
  const Tensor &x = c.tensor(0), &w = c.tensor(1);
  ASSIGN(const Correlation s, correlation(a, x.shape(), w.shape()));
  ASSIGN(const DType dtype, product_dtype(x.dtype(), w.dtype(), a.wide));
  const DType accumulator = accumulator_of(dtype);
  const std::optional<std::int64_t> channels = checked_mul(s.groups, s.out_channels);
  if (!channels) return malformed("too many channels");
  Shape shape{x.shape()[0], *channels};
  for (const WindowAxis& axis : s.axes) shape.dims().push_back(axis.output);
  ASSIGN(Tensor * y, c.make(0, dtype, shape));
  ASSIGN(const Tensor xs, widened(x, accumulator));
  ASSIGN(const Tensor ws, widened(w, accumulator));
  ASSIGN(Tensor exchanged, Tensor::make_uninitialized(accumulator, w.shape()));
  ASSIGN(Tensor sums, Tensor::make_uninitialized(accumulator, shape));
  TRY(visit_accumulator(accumulator, [&](auto tag) {
    using T = typename decltype(tag)::type;
    exchange_channels<T>(s, ws.values<T>(), exchanged.mutable_values<T>());
    return correlate<T>(s, xs.values<T>(), exchanged.values<T>(), sums.mutable_values<T>(), c);
  }));
  narrow(sums, *y);
  return {};
}

}  // namespace gossamer::reference
