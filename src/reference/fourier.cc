// Fourier, signal by signal.
#include "reference/fourier.h"

#include <algorithm>

#include "reference/accumulate.h"
#include "reference/transform.h"

namespace gossamer::reference {
namespace {

constexpr std::int64_t kMaxLength = std::int64_t{1} << 30;

struct Layout {
  std::int64_t outer = 1, inner = 1;   // extents before and between axis and parts
  std::int64_t given = 0, length = 0;  // elements in x, points of the transform
  std::int64_t kept = 0;               // bins or samples in y
  std::int64_t parts = 1, out_parts = 2;
};

Result<Layout> layout_of(const FourierAttributes& a, Context& c) {
  const Shape& x = c.tensor(0).shape();
  const int last = x.rank() - 1;
  if (a.axis < 0 || a.axis >= last || (x[last] != 1 && x[last] != 2))
    return malformed("x of shape " + x.to_string() + ", axis " + std::to_string(a.axis));
  Layout l;
  const bool to_real = a.inverse && a.onesided;
  l.outer = x.count(0, a.axis);
  l.inner = x.count(a.axis + 1, last);
  l.given = x[a.axis];
  l.length = to_real ? 2 * (l.given - 1) : l.given;
  if (c.has(1)) {
    ASSIGN(const std::vector<std::int64_t> length, to_int64s(c.tensor(1)));
    if (length.size() != 1) return malformed("length must be one number");
    l.length = length[0];
  }
  if (l.length < 1 || l.length > kMaxLength)
    return malformed("a transform of length " + std::to_string(l.length));
  l.kept = a.onesided && !a.inverse ? l.length / 2 + 1 : l.length;
  l.parts = x[last];
  l.out_parts = to_real ? 1 : 2;
  return l;
}

void load(const FourierAttributes& a, const Layout& l, const double* x,
          std::span<std::complex<double>> signal) {
  std::fill(signal.begin(), signal.end(), std::complex<double>{});
  const bool half = a.inverse && a.onesided;
  const std::int64_t bins = half ? l.length / 2 + 1 : l.length;
  const std::int64_t count = std::min(l.given, bins);
  for (std::int64_t k = 0; k < count; ++k) {
    const double* at = x + k * l.inner * l.parts;
    const std::complex<double> v{at[0], l.parts == 2 ? at[1] : 0.0};
    const auto i = static_cast<std::size_t>(k);
    if (!half) {
      signal[i] = v;
      continue;
    }
    // The other half is the mirror image; the bins without one are real.
    const std::size_t mirror = (signal.size() - i) % signal.size();
    signal[i] = mirror == i ? std::complex<double>{v.real(), 0} : v;
    if (mirror != i) signal[mirror] = std::conj(v);
  }
}

}  // namespace

Status fourier(const FourierAttributes& a, Context& c) {
  ASSIGN(const Layout l, layout_of(a, c));
  const Tensor& x = c.tensor(0);
  Shape shape = x.shape();
  shape[a.axis] = l.kept;
  shape[shape.rank() - 1] = l.out_parts;
  ASSIGN(Tensor * y, c.make(0, x.dtype(), shape));
  if (y->count() == 0) return {};
  ASSIGN(const Tensor wide, widened(x, DType::f64));
  ASSIGN(Tensor result, c.scratch(DType::f64, shape));
  ASSIGN(Tensor buffer, c.scratch(DType::c128, Shape{l.length}));
  auto signal = buffer.mutable_values<C128>();
  auto out = result.mutable_values<double>();
  ASSIGN(Transform transform, Transform::make(l.length, c));
  for (std::int64_t o = 0; o < l.outer; ++o) {
    for (std::int64_t i = 0; i < l.inner; ++i) {
      TRY(c.poll());
      load(a, l, wide.values<double>().data() + (o * l.given * l.inner + i) * l.parts, signal);
      transform.run(signal, a.inverse);
      double* to = out.data() + (o * l.kept * l.inner + i) * l.out_parts;
      for (std::int64_t k = 0; k < l.kept; ++k, to += l.inner * l.out_parts) {
        to[0] = signal[static_cast<std::size_t>(k)].real();
        if (l.out_parts == 2) to[1] = signal[static_cast<std::size_t>(k)].imag();
      }
    }
  }
  narrow(result, *y);
  return {};
}

}  // namespace gossamer::reference
