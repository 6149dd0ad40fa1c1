// Fourier: the discrete Fourier transform along one axis, of any length.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct FourierAttributes {
  int axis = 0;           // not negative, not the last one
  bool inverse = false;   // divides by the length
  bool onesided = false;  // forward: the first n/2+1 bins; inverse: from those to a real signal
  static constexpr auto kFields = std::tuple(field("axis", &FourierAttributes::axis),
                                             field("inverse", &FourierAttributes::inverse),
                                             field("onesided", &FourierAttributes::onesided));
};

namespace reference {
// operands x[.., n, .., 1 or 2] with real and imaginary part last [, length: one i64] ->
// y[.., m, .., 2], or real [.., 1] when inverse and onesided. The signal is cut or padded with
// zeros to `length`; without it that is n, or 2(n-1) when inverse and onesided. Computed in f64.
Status fourier(const FourierAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
