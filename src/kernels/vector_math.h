// Elementary functions on vectors of floats, within 2.5 units in the last place (bounded functions:
// or 2^-23 absolute); infinities, NaNs, denormals and overflow as in the C library. Polynomials are
// least-maximum fits of our own (Lawson's iteration). For *_level.cc files only (see level.h).
#pragma once

#include "kernels/vector_int.h"

namespace gossamer::kernels {
namespace {

constexpr float kInfinity = __builtin_inff();

// c0 + c1 x + c2 x^2 + ...
INLINE F32 polynomial(F32, float c) { return F32::all(c); }
template <class... Rest>
INLINE F32 polynomial(F32 x, float c, float next, Rest... rest) {
  return fma(x, polynomial(x, next, rest...), F32::all(c));
}

// p * 2^n for p in about [0.5, 2) and n in [-152, 128], rounded once.
INLINE F32 scale(F32 p, F32 n) {
#if defined(__AVX512F__)
  return {_mm512_scalef_ps(p.v, n.v)};
#else
  const I32 k = round_to_int(n);
  const I32 half = shift_right<1>(k);
  const auto power = [](I32 e) { return float_of_bits(shift_left<23>(e + I32::all(127))); };
  return p * power(half) * power(k - half);
#endif
}

// x - n ln 2 for whole n: the first part of ln 2 has trailing zeros, so that its product is exact.
INLINE F32 minus_ln2(F32 x, F32 n) {
  x = fma(n, F32::all(-0x1.62e4p-1F), x);
  return fma(n, F32::all(-0x1.7f7d1cp-20F), x);
}

INLINE F32 exp(F32 x) {
  x = max_raw(F32::all(-104), min_raw(F32::all(89), x));
  const F32 n = rint(x * F32::all(0x1.715476p+0F));
  const F32 r = minus_ln2(x, n);
  const F32 q =
      polynomial(r, 0x1.fffffcp-2F, 0x1.55549p-3F, 0x1.5558fap-5F, 0x1.123b6ap-7F, 0x1.6a21acp-10F);
  return scale(F32::all(1) + fma(r * r, q, r), n);
}

// exp(x) for x <= 0 where results below 2^-126 may become 0: softmax and its kind. NaN stays.
INLINE F32 exp_below_zero(F32 x) {
#if defined(__AVX512F__)
  const F32 y = max_raw(F32::all(-104), x);
#else
  const F32 y = max_raw(F32::all(-87.3F), x);
#endif
  const F32 n = rint(y * F32::all(0x1.715476p+0F));
  const F32 r = minus_ln2(y, n);
  const F32 q =
      polynomial(r, 0x1.fffffcp-2F, 0x1.55549p-3F, 0x1.5558fap-5F, 0x1.123b6ap-7F, 0x1.6a21acp-10F);
  const F32 p = F32::all(1) + fma(r * r, q, r);
#if defined(__AVX512F__)
  return {_mm512_scalef_ps(p.v, n.v)};
#else
  const F32 e = float_of_bits(bits_of(p) + shift_left<23>(round_to_int(n)));
  return select(less(x, F32::all(-87.3F)), F32::zero(), e);
#endif
}

INLINE F32 expm1(F32 x) {
  const F32 y = max_raw(F32::all(-18), min_raw(F32::all(89), x));
  const F32 n = rint(y * F32::all(0x1.715476p+0F));
  const F32 r = minus_ln2(y, n);
  const F32 q = polynomial(r, 0.5F, 0x1.555554p-3F, 0x1.5554bp-5F, 0x1.11118ap-7F, 0x1.6d73cp-10F,
                           0x1.a032dcp-13F);
  const F32 p = fma(r * r, q, r);
  // 2^(n-1) stays finite where 2^n does not.
  const F32 s = float_of_bits(shift_left<23>(round_to_int(n) + I32::all(126)));
  const F32 result = fma(s, p, s - F32::all(0.5F));
  return select(equal(x, F32::zero()), x, result + result);
}

INLINE F32 log(F32 x) {
#if defined(__AVX512F__)
  // Mantissas in [1, 2); those beyond sqrt(2) are halved.
  F32 e = {_mm512_getexp_ps(x.v)};
  F32 m = {_mm512_getmant_ps(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)};
  const Mask upper = less(F32::all(0x1.6a09e6p+0F), m);
  m = select(upper, m * F32::all(0.5F), m);
  e = select(upper, e + F32::all(1), e);
#else
  const Mask tiny = less(x, F32::all(0x1p-126F));
  const F32 y = select(tiny, x * F32::all(0x1p23F), x);
  // Counting from sqrt(1/2), the exponent field steps where the mantissa is to wrap.
  const I32 b = bits_of(y) - I32::all(0x3F3504F3);
  const F32 e = to_float(shift_right<23>(b)) + select(tiny, F32::all(-23), F32::zero());
  const F32 m = float_of_bits((b & I32::all(0x7FFFFF)) + I32::all(0x3F3504F3));
#endif
  const F32 f = m - F32::all(1);
  const F32 p = polynomial(f, 0x1.555554p-2F, -0x1.000228p-2F, 0x1.99a012p-3F, -0x1.5471f6p-3F,
                           0x1.22d90ap-3F, -0x1.0d875cp-3F, 0x1.056496p-3F, -0x1.38c19cp-4F);
  const F32 f2 = f * f;
  F32 t = fma(e, F32::all(0x1.7f7d1cp-20F), f2 * f * p);
  t = fma(f2, F32::all(-0.5F), t);
  const F32 result = fma(e, F32::all(0x1.62e4p-1F), t + f);
  // Below 0 and NaN: NaN; 0: -inf; inf: inf.
  const F32 special = select(less(x, F32::zero()), F32::all(__builtin_nanf("")),
                             select(equal(x, F32::zero()), F32::all(-kInfinity), x));
  const Mask regular = less(F32::zero(), x) & less(x, F32::all(kInfinity));
  return select(regular, result, special);
}

INLINE F32 log1p(F32 x) {
  const F32 u = x + F32::all(1);
  const F32 lost = (x - (u - F32::all(1))) / u;
  const Mask regular = less(F32::zero(), u) & less(u, F32::all(kInfinity));
  const F32 y = log(u) + select(regular, lost, F32::zero());
  return select(equal(x, F32::zero()), x, y);
}

// Small results keep their relative precision.
INLINE F32 sigmoid(F32 x) {
  const F32 e = exp(min_raw(F32::all(88), x));
  return e / (F32::all(1) + e);
}

INLINE F32 tanh(F32 x) {
  const F32 e = expm1(min_raw(F32::all(20), abs(x) + abs(x)));
  return copysign(e / (e + F32::all(2)), x);
}

// An odd polynomial below 1, one around 2.5 up to 3.92, and 1 from there on.
INLINE F32 erf(F32 x) {
  const F32 y = min_raw(F32::all(3.95F), abs(x));
  const F32 small =
      y * polynomial(y * y, 0x1.20dd74p+0F, -0x1.81273ep-2F, 0x1.ce2cf6p-4F, -0x1.b7f904p-6F,
                     0x1.540566p-8F, -0x1.a3f4acp-11F, 0x1.496370p-14F);
  const F32 large = polynomial(y - F32::all(2.5F), 0x1.ffcaaap-1F, 0x1.1d7bd4p-9F, -0x1.64f560p-8F,
                               0x1.11b940p-7F, -0x1.1a4920p-7F, 0x1.8ff3aap-8F, -0x1.719360p-9F,
                               0x1.2b59a4p-11F, 0x1.2dfae6p-12F, -0x1.24ca6cp-12F, 0x1.00b290p-14F,
                               0x1.621524p-16F, -0x1.2e36c2p-17F);
  const F32 upper = select(less_equal(F32::all(3.92F), y), F32::all(1), large);
  return copysign(select(less(y, F32::all(1)), small, min_raw(F32::all(1), upper)), x);
}

// Sine (kQuarter 0) or cosine (1) of |x| <= kSineLimit: r = x - n pi/2 in three parts, then the
// polynomial and sign of the quadrant.
constexpr float kSineLimit = 8192;
template <int kQuarter>
INLINE F32 sine(F32 x) {
  const F32 n = rint(x * F32::all(0x1.45f306p-1F));
  F32 r = fma(n, F32::all(-0x1.92p+0F), x);
  r = fma(n, F32::all(-0x1.fb4p-12F), r);
  r = fma(n, F32::all(-0x1.444p-24F), r);
  r = fma(n, F32::all(-0x1.68c234p-39F), r);
  const I32 quadrant = round_to_int(n) + I32::all(kQuarter);
  const F32 u = r * r;
  const F32 s = fma(
      r * u, polynomial(u, -0x1.555556p-3F, 0x1.111108p-7F, -0x1.a00f72p-13F, 0x1.6ccea8p-19F), r);
  const F32 c = fma(u * u, polynomial(u, 0x1.55554ap-5F, -0x1.6c0c26p-10F, 0x1.99e78ap-16F),
                    fma(u, F32::all(-0.5F), F32::all(1)));
  const Mask odd = equal(quadrant & I32::all(1), I32::all(1));
  const I32 sign = shift_left<30>(quadrant & I32::all(2));
  return float_of_bits(bits_of(select(odd, c, s)) ^ sign);
}

}  // namespace
}  // namespace gossamer::kernels
