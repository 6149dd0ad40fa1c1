// Every instruction of a VectorProgram as a loop over groups of lanes, and the conversions between
// elements in memory and lanes.
#include "kernels/level.h"
#include "kernels/pointwise/tile.h"
#include "kernels/vector_math.h"

namespace gossamer::kernels {
namespace {

using i8 = std::int8_t;
using u8 = std::uint8_t;
using i16 = std::int16_t;
using u16 = std::uint16_t;
using i32 = std::int32_t;
using u32 = std::uint32_t;
using i64 = std::int64_t;
using u64 = std::uint64_t;
using f32 = float;
using f64 = double;
using boolean = std::uint32_t;  // lanes

// --- loops ---

template <class T>
INLINE const T* arg(const TileCall& c, int i) {
  return static_cast<const T*>(c.args[i]);
}

// A vector of floats at a time.
template <class F>
INLINE void floats1(const TileCall& c, F f) {
  const float* a = arg<float>(c, 0);
  float* y = static_cast<float*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g, a += c.steps[0], y += kGroup)
    for (int v = 0; v < kGroup; v += F32::kLanes) f(F32::load(a + v)).store(y + v);
}
template <class F>
INLINE void floats2(const TileCall& c, F f) {
  const float* a = arg<float>(c, 0);
  const float* b = arg<float>(c, 1);
  auto* y = static_cast<float*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g) {
    for (int v = 0; v < kGroup; v += F32::kLanes)
      f(F32::load(a + v), F32::load(b + v)).store(y + v);
    a += c.steps[0];
    b += c.steps[1];
    y += kGroup;
  }
}
template <class F>
INLINE void floats3(const TileCall& c, F f) {
  const float* p[3] = {arg<float>(c, 0), arg<float>(c, 1), arg<float>(c, 2)};
  auto* y = static_cast<float*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g) {
    for (int v = 0; v < kGroup; v += F32::kLanes)
      f(F32::load(p[0] + v), F32::load(p[1] + v), F32::load(p[2] + v)).store(y + v);
    for (int i = 0; i < 3; ++i) p[i] += c.steps[i];
    y += kGroup;
  }
}

// A lane at a time, left to the compiler to vectorize.
template <class A, class Y, class F>
INLINE void lanes1(const TileCall& c, F f) {
  const A* a = arg<A>(c, 0);
  Y* y = static_cast<Y*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g, a += c.steps[0], y += kGroup)
    for (int v = 0; v < kGroup; ++v) y[v] = f(a[v]);
}
template <class A, class Y, class F>
INLINE void lanes2(const TileCall& c, F f) {
  const A* a = arg<A>(c, 0);
  const A* b = arg<A>(c, 1);
  Y* y = static_cast<Y*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g) {
    for (int v = 0; v < kGroup; ++v) y[v] = f(a[v], b[v]);
    a += c.steps[0];
    b += c.steps[1];
    y += kGroup;
  }
}

// --- floats ---

#define FLOATS1(name, expression)                        \
  void name##_f(const TileCall& c) {                     \
    floats1(c, [](F32 a) -> F32 { return expression; }); \
  }
#define FLOATS2(name, expression)                               \
  void name##_f(const TileCall& c) {                            \
    floats2(c, [](F32 a, F32 b) -> F32 { return expression; }); \
  }
#define FLOATS3(name, expression)                                      \
  void name##_f(const TileCall& c) {                                   \
    floats3(c, [](F32 a, F32 b, F32 d) -> F32 { return expression; }); \
  }

INLINE F32 truth(Mask m) { return float_of_bits(to_lanes(m)); }
INLINE F32 sign_of(F32 a) {
  const F32 one = copysign(F32::all(1), a);
  return select(less(F32::zero(), abs(a)), one, select(unordered(a), a, F32::zero()));
}
// Lanes beyond kSineLimit, infinities and NaNs go through the C library.
template <int kQuarter>
INLINE F32 sine_of(F32 a) {
  if (!any(less(F32::all(kSineLimit), abs(a)) | unordered(a))) return sine<kQuarter>(a);
  float x[F32::kLanes];
  a.store(x);
  for (float& v : x) v = kQuarter == 0 ? __builtin_sinf(v) : __builtin_cosf(v);
  return F32::load(x);
}

FLOATS1(neg, neg(a))
FLOATS1(abs, abs(a))
FLOATS1(sign, sign_of(a))
FLOATS1(floor, floor(a))
FLOATS1(ceil, ceil(a))
FLOATS1(rint, rint(a))
FLOATS1(trunc, trunc(a))
FLOATS1(recip, F32::all(1) / a)
FLOATS1(sqrt, sqrt(a))
FLOATS1(rsqrt, F32::all(1) / sqrt(a))
FLOATS1(exp, exp(a))
FLOATS1(expm1, expm1(a))
FLOATS1(log, log(a))
FLOATS1(log1p, log1p(a))
FLOATS1(sin, sine_of<0>(a))
FLOATS1(cos, sine_of<1>(a))
FLOATS1(tanh, tanh(a))
FLOATS1(erf, erf(a))
FLOATS1(sigmoid, sigmoid(a))
FLOATS1(silu, a* sigmoid(a))
FLOATS1(gelu, F32::all(0.5F) * a * (F32::all(1) + erf(a * F32::all(0x1.6a09e6p-1F))))
// (1 + tanh(u)) / 2 = sigmoid(2 u), u = sqrt(2 / pi) (a + 0.044715 a^3)
FLOATS1(gelu_tanh, a* sigmoid(a* fma(a* a, F32::all(0.071354814F), F32::all(1.5957691F))))
FLOATS1(isnan, truth(unordered(a)))
FLOATS2(add, a + b)
FLOATS2(sub, a - b)
FLOATS2(mul, a* b)
FLOATS2(div, a / b)
FLOATS2(min, min(a, b))
FLOATS2(max, max(a, b))
FLOATS2(eq, truth(equal(a, b)))
FLOATS2(lt, truth(less(a, b)))
FLOATS2(le, truth(less_equal(a, b)))
FLOATS2(leaky, select(less(a, F32::zero()), a* b, a))
FLOATS3(muladd, fma(a, b, d))
FLOATS3(clamp, min(d, max(a, b)))
FLOATS3(addmax, max(a + b, d))
FLOATS3(hard_swish, a* min(F32::all(1), max(fma(a, b, d), F32::zero())))

// What models seldom have goes through the C library, lane by lane.
#define LIBRARY1(name)                                                 \
  void name##_f(const TileCall& c) {                                   \
    lanes1<f32, f32>(c, [](f32 a) { return __builtin_##name##f(a); }); \
  }
LIBRARY1(tan)
LIBRARY1(asin)
LIBRARY1(acos)
LIBRARY1(atan)
LIBRARY1(sinh)
LIBRARY1(cosh)
LIBRARY1(asinh)
LIBRARY1(acosh)
LIBRARY1(atanh)

void pow_f(const TileCall& c) {
  lanes2<f32, f32>(c, [](f32 a, f32 b) { return __builtin_powf(a, b); });
}
// The sign of the divisor, -0 included.
void mod_f(const TileCall& c) {
  lanes2<f32, f32>(c, [](f32 a, f32 b) {
    const f32 r = __builtin_fmodf(a, b);
    if (r == 0) return __builtin_copysignf(0.0F, b);
    return (r < 0) != (b < 0) ? r + b : r;
  });
}
void rem_f(const TileCall& c) {
  lanes2<f32, f32>(c, [](f32 a, f32 b) { return __builtin_fmodf(a, b); });
}

// Also of i32 and boolean lanes: they have 32 bits, too.
void select_f(const TileCall& c) {
  floats3(c, [](F32 a, F32 b, F32 d) -> F32 { return select(from_lanes(bits_of(a)), b, d); });
}

#define DOUBLES1(name, expression)                                \
  void name##_d(const TileCall& c) {                              \
    lanes1<f64, f64>(c, [](f64 a) -> f64 { return expression; }); \
  }
#define DOUBLES2(name, Y, expression)                                \
  void name##_d(const TileCall& c) {                                 \
    lanes2<f64, Y>(c, [](f64 a, f64 b) -> Y { return expression; }); \
  }
INLINE boolean truth(bool v) { return v ? ~boolean{0} : 0; }

DOUBLES1(neg, -a)
DOUBLES1(abs, __builtin_fabs(a))
DOUBLES1(sign, a > 0 ? 1.0 : a < 0 ? -1.0 : a == 0 ? 0.0 : a)
DOUBLES1(floor, __builtin_floor(a))
DOUBLES1(ceil, __builtin_ceil(a))
DOUBLES1(rint, __builtin_rint(a))
DOUBLES1(trunc, __builtin_trunc(a))
DOUBLES1(recip, 1 / a)
DOUBLES1(sqrt, __builtin_sqrt(a))
DOUBLES1(rsqrt, 1 / __builtin_sqrt(a))
DOUBLES2(add, f64, a + b)
DOUBLES2(sub, f64, a - b)
DOUBLES2(mul, f64, a* b)
DOUBLES2(div, f64, a / b)
DOUBLES2(min, f64, a <= b || a != a ? a : b)
DOUBLES2(max, f64, a >= b || a != a ? a : b)
DOUBLES2(eq, boolean, truth(a == b))
DOUBLES2(lt, boolean, truth(a < b))
DOUBLES2(le, boolean, truth(a <= b))
void isnan_d(const TileCall& c) {
  lanes1<f64, boolean>(c, [](f64 a) { return truth(a != a); });
}

// --- integers: everything wraps, nothing traps ---

template <class T>
struct Unsigned {
  using type = u32;
};
template <>
struct Unsigned<i64> {
  using type = u64;
};
template <class T>
using Wrapping = typename Unsigned<T>::type;
template <class T>
INLINE Wrapping<T> wrap(T a) {
  return static_cast<Wrapping<T>>(a);
}

template <class T>
INLINE T divide(T a, T b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<T>(0 - wrap(a));
  return a / b;
}
template <class T>
INLINE T remainder(T a, T b) {
  return b == 0 || b == -1 ? 0 : a % b;
}
template <class T>
INLINE T modulo(T a, T b) {
  const T r = remainder(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
template <class T>
INLINE bool in_width(T count) {
  return count >= 0 && count < static_cast<T>(8 * sizeof(T));
}

// Two functions each: name_i on 32-bit lanes, name_l on 64-bit lanes.
#define INTEGERS1(name, expression)                                       \
  template <class T>                                                      \
  INLINE void name##_integer(const TileCall& c) {                         \
    lanes1<T, T>(c, [](T a) -> T { return static_cast<T>(expression); }); \
  }                                                                       \
  void name##_i(const TileCall& c) { name##_integer<i32>(c); }            \
  void name##_l(const TileCall& c) { name##_integer<i64>(c); }
#define INTEGERS2(name, expression)                                            \
  template <class T>                                                           \
  INLINE void name##_integer(const TileCall& c) {                              \
    lanes2<T, T>(c, [](T a, T b) -> T { return static_cast<T>(expression); }); \
  }                                                                            \
  void name##_i(const TileCall& c) { name##_integer<i32>(c); }                 \
  void name##_l(const TileCall& c) { name##_integer<i64>(c); }
#define COMPARE2(name, expression)                                           \
  void name##_i(const TileCall& c) {                                         \
    lanes2<i32, boolean>(c, [](i32 a, i32 b) { return truth(expression); }); \
  }                                                                          \
  void name##_l(const TileCall& c) {                                         \
    lanes2<i64, boolean>(c, [](i64 a, i64 b) { return truth(expression); }); \
  }

INTEGERS1(neg, 0 - wrap(a))
INTEGERS1(abs, a < 0 ? 0 - wrap(a) : wrap(a))
INTEGERS1(sign, (a > 0) - (a < 0))
INTEGERS1(logical_not, ~a)
INTEGERS2(add, wrap(a) + wrap(b))
INTEGERS2(sub, wrap(a) - wrap(b))
INTEGERS2(mul, wrap(a) * wrap(b))
INTEGERS2(div, divide(a, b))
INTEGERS2(rem, remainder(a, b))
INTEGERS2(mod, modulo(a, b))
INTEGERS2(min, b < a ? b : a)
INTEGERS2(max, a < b ? b : a)
INTEGERS2(logical_and, a& b)
INTEGERS2(logical_or, a | b)
INTEGERS2(logical_xor, a ^ b)
INTEGERS2(shl, in_width(b) ? wrap(a) << (b & static_cast<T>(8 * sizeof(T) - 1)) : 0)
INTEGERS2(shr, a >> (in_width(b) ? b : static_cast<T>(8 * sizeof(T) - 1)))
COMPARE2(eq, a == b)
COMPARE2(lt, a < b)
COMPARE2(le, a <= b)

// Booleans of 32 bits, 0 or ~0.
void eq_b(const TileCall& c) {
  lanes2<boolean, boolean>(c, [](boolean a, boolean b) { return ~(a ^ b); });
}

template <class T>
INLINE void select_lanes(const TileCall& c) {
  const boolean* a = arg<boolean>(c, 0);
  const T* b = arg<T>(c, 1);
  const T* d = arg<T>(c, 2);
  T* y = static_cast<T*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g) {
    for (int v = 0; v < kGroup; ++v) y[v] = a[v] != 0 ? b[v] : d[v];
    a += c.steps[0];
    b += c.steps[1];
    d += c.steps[2];
    y += kGroup;
  }
}
void select_d(const TileCall& c) { select_lanes<f64>(c); }
void select_l(const TileCall& c) { select_lanes<i64>(c); }

// --- casts ---

// Truncated, saturated to 64 bits; NaN gives 0.
template <class F>
INLINE i64 to_i64(F v) {
  constexpr F kLimit = static_cast<F>(0x1p63);
  if (!(v < kLimit)) return v >= kLimit ? 0x7FFFFFFFFFFFFFFF : 0;
  return v < -kLimit ? -0x7FFFFFFFFFFFFFFF - 1 : static_cast<i64>(v);
}

// Lanes that 32 bits cannot hold take the low ones of 64.
void f32_to_i32(const TileCall& c) {
  const float* a = arg<float>(c, 0);
  i32* y = static_cast<i32*>(c.y);
  for (std::ptrdiff_t g = 0; g < c.groups; ++g, a += c.steps[0], y += kGroup)
    for (int v = 0; v < kGroup; v += F32::kLanes) {
      const F32 x = F32::load(a + v);
      truncate_to_int(x).store(y + v);
      if (!any(less_equal(F32::all(0x1p31F), abs(x)) | unordered(x))) continue;
      float lanes[F32::kLanes];
      x.store(lanes);
      for (int i = 0; i < F32::kLanes; ++i) y[v + i] = static_cast<i32>(to_i64(lanes[i]));
    }
}
#define CAST(from, to, expression)                                \
  void from##_to_##to(const TileCall& c) {                        \
    lanes1<from, to>(c, [](from a) -> to { return expression; }); \
  }
CAST(f32, f64, a)
CAST(f32, i64, to_i64(a))
CAST(f32, boolean, truth(a != 0))
CAST(f64, f32, static_cast<f32>(a))
CAST(f64, i32, static_cast<i32>(to_i64(a)))
CAST(f64, i64, to_i64(a))
CAST(f64, boolean, truth(a != 0))
CAST(i32, f32, static_cast<f32>(a))
CAST(i32, f64, a)
CAST(i32, i64, a)
CAST(i32, boolean, truth(a != 0))
CAST(i64, f32, static_cast<f32>(a))
CAST(i64, f64, static_cast<f64>(a))
CAST(i64, i32, static_cast<i32>(a))
CAST(i64, boolean, truth(a != 0))
CAST(boolean, f32, a != 0 ? 1.0F : 0.0F)
CAST(boolean, f64, a != 0 ? 1.0 : 0.0)
CAST(boolean, i32, static_cast<i32>(a & 1))
CAST(boolean, i64, static_cast<i64>(a & 1))

// --- narrow types ---

INLINE bool is_signed(Element e) { return e >= Element::i2 && e <= Element::i64; }
INLINE int bits_of(Element e) {
  constexpr u8 kBits[kElements] = {8, 2, 4, 8, 16, 32, 64, 2, 4, 8, 16, 32, 16, 16, 32, 64};
  return kBits[static_cast<int>(e)];
}

// bf16 is the upper half of an f32, rounded to even; a NaN stays one.
INLINE u32 bf16_of(u32 b) {
  const u32 rounded = (b + 0x7FFF + (b >> 16 & 1)) >> 16;
  return (b & 0x7FFFFFFF) > 0x7F800000 ? (b >> 16 | 0x40) : rounded;
}
INLINE u32 bits_of(float v) {
  u32 b;
  __builtin_memcpy(&b, &v, 4);
  return b;
}
INLINE float float_of(u32 b) {
  float v;
  __builtin_memcpy(&v, &b, 4);
  return v;
}

INLINE I32 bf16_of(F32 x) {
  const I32 b = kernels::bits_of(x), upper = shift_right<16>(b);
  const I32 rounded = shift_right<16>(b + I32::all(0x7FFF) + (upper & I32::all(1)));
  return select(unordered(x), upper | I32::all(0x40), rounded) & I32::all(0xFFFF);
}
// The lower halves of a vector's lanes.
INLINE void store_halves(I32 v, u16* to) {
#if defined(__AVX512F__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(v.v));
#elif defined(__AVX2__)
  const __m128i low = _mm256_castsi256_si128(v.v), high = _mm256_extracti128_si256(v.v, 1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm_packus_epi32(low, high));
#else
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi32(v.v, v.v));
#endif
}

#if defined(__F16C__)
// n is a multiple of 8.
INLINE void to_halves(const float* x, u16* y, std::ptrdiff_t n) {
  for (std::ptrdiff_t i = 0; i < n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
}
INLINE void from_halves(const u16* x, float* y, std::ptrdiff_t n) {
  for (std::ptrdiff_t i = 0; i < n; i += 8)
    _mm256_storeu_ps(y + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
}
#else
INLINE u16 half_of(float v) {
  const u32 b = bits_of(v);
  const u32 magnitude = b & 0x7FFFFFFF;
  // Below 2^-14: the unit in the last place from 0.5 to 1 is that of subnormal halves.
  const u32 small = bits_of(float_of(magnitude) + 0.5F) - 0x3F000000;
  const u32 rebiased = magnitude - (112u << 23);
  const u32 normal = (rebiased + 0xFFF + (rebiased >> 13 & 1)) >> 13;
  const u32 large = magnitude > 0x7F800000 ? 0x7E00 : 0x7C00;
  const u32 code = magnitude >= 0x47800000 ? large : magnitude < 0x38800000 ? small : normal;
  return static_cast<u16>((b >> 16 & 0x8000) | code);
}
INLINE float float_of_half(u16 h) {
  const u32 magnitude = h & 0x7FFF;
  const float small = static_cast<float>(static_cast<i32>(magnitude)) * 0x1p-24F;
  const float large = float_of((magnitude << 13) + (magnitude < 0x7C00 ? 112u << 23 : 224u << 23));
  return float_of(bits_of(magnitude < 0x400 ? small : large) | (h & 0x8000u) << 16);
}
INLINE void to_halves(const float* x, u16* y, std::ptrdiff_t n) {
  for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = half_of(x[i]);
}
INLINE void from_halves(const u16* x, float* y, std::ptrdiff_t n) {
  for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = float_of_half(x[i]);
}
#endif

void narrow_f(const TileCall& c) {
  if (c.element == Element::bf16)
    return floats1(c, [](F32 a) -> F32 { return float_of_bits(shift_left<16>(bf16_of(a))); });
  const float* a = arg<float>(c, 0);
  float* y = static_cast<float*>(c.y);
  u16 half[kGroup];
  for (std::ptrdiff_t g = 0; g < c.groups; ++g, a += c.steps[0], y += kGroup) {
    to_halves(a, half, kGroup);
    from_halves(half, y, kGroup);
  }
}
template <class T>
INLINE void narrow_integer(const TileCall& c) {
  const int shift = static_cast<int>(8 * sizeof(T)) - bits_of(c.element);
  if (is_signed(c.element))
    lanes1<T, T>(c, [=](T a) { return static_cast<T>(wrap(a) << shift) >> shift; });
  else
    lanes1<T, T>(c, [=](T a) { return static_cast<T>(wrap(a) << shift >> shift); });
}
void narrow_i(const TileCall& c) { narrow_integer<i32>(c); }
void narrow_l(const TileCall& c) { narrow_integer<i64>(c); }

// x / scale, rounded to even, + zero point, saturated; NaN counts as 0. Quotients far beyond every
// 16-bit type are cut first so that the sum stays exact.
void quantize_f(const TileCall& c) {
  const int bits = bits_of(c.element);
  const i32 low = is_signed(c.element) ? -(1 << (bits - 1)) : 0;
  const i32 high = (1 << (is_signed(c.element) ? bits - 1 : bits)) - 1;
  floats3(c, [=](F32 x, F32 scale, F32 zero) -> F32 {
    F32 q = rint(x / scale);
    q = select(unordered(q), F32::zero(), q);
    q = max_raw(min_raw(q, F32::all(0x1p20F)), F32::all(-0x1p20F));
    I32 r = round_to_int(q) + kernels::bits_of(zero);
    r = select(less(r, I32::all(low)), I32::all(low), r);
    r = select(less(I32::all(high), r), I32::all(high), r);
    return float_of_bits(r);
  });
}

// --- memory ---

template <class T, class Lane, class F>
INLINE void read(const void* from, void* lanes, std::ptrdiff_t n, std::ptrdiff_t stride, F f) {
  const T* x = static_cast<const T*>(from);
  Lane* y = static_cast<Lane*>(lanes);
  if (stride == 1) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = f(x[i]);
  } else {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = f(x[i * stride]);
  }
}
template <class T, class Lane, class F>
INLINE void write(const void* lanes, void* to, std::ptrdiff_t n, std::ptrdiff_t stride, F f) {
  const Lane* x = static_cast<const Lane*>(lanes);
  T* y = static_cast<T*>(to);
  if (stride == 1) {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i] = f(x[i]);
  } else {
    for (std::ptrdiff_t i = 0; i < n; ++i) y[i * stride] = f(x[i]);
  }
}
#define MEMORY(name, T, Lane, in, out)                                                       \
  void load_##name(const void* from, void* lanes, std::ptrdiff_t n, std::ptrdiff_t stride) { \
    read<T, Lane>(from, lanes, n, stride, [](T a) -> Lane { return in; });                   \
  }                                                                                          \
  void store_##name(const void* lanes, void* to, std::ptrdiff_t n, std::ptrdiff_t stride) {  \
    write<T, Lane>(lanes, to, n, stride, [](Lane a) -> T { return out; });                   \
  }
MEMORY(boolean, u8, boolean, truth(a != 0), static_cast<u8>(a & 1))
MEMORY(i8, i8, i32, a, static_cast<i8>(a))
MEMORY(u8, u8, i32, a, static_cast<u8>(a))
MEMORY(i16, i16, i32, a, static_cast<i16>(a))
MEMORY(u16, u16, i32, a, static_cast<u16>(a))
MEMORY(i32, i32, i32, a, a)
MEMORY(u32, u32, i64, a, static_cast<u32>(a))
MEMORY(i64, i64, i64, a, a)
MEMORY(f32, f32, f32, a, a)
MEMORY(f64, f64, f64, a, a)

void load_bf16(const void* from, void* lanes, std::ptrdiff_t n, std::ptrdiff_t stride) {
  read<u16, u32>(from, lanes, n, stride, [](u16 a) -> u32 { return static_cast<u32>(a) << 16; });
}
void store_bf16(const void* lanes, void* to, std::ptrdiff_t n, std::ptrdiff_t stride) {
  const float* x = static_cast<const float*>(lanes);
  u16* y = static_cast<u16*>(to);
  std::ptrdiff_t i = 0;
  if (stride == 1)
    for (; i + F32::kLanes <= n; i += F32::kLanes) store_halves(bf16_of(F32::load(x + i)), y + i);
  for (; i < n; ++i) y[i * stride] = static_cast<u16>(bf16_of(bits_of(x[i])));
}

void load_f16(const void* from, void* lanes, std::ptrdiff_t n, std::ptrdiff_t stride) {
  const u16* x = static_cast<const u16*>(from);
  float* y = static_cast<float*>(lanes);
  const std::ptrdiff_t whole = stride == 1 ? n / 8 * 8 : 0;
  from_halves(x, y, whole);
  for (std::ptrdiff_t i = whole; i < n; i += 8) {
    u16 half[8] = {};
    float wide[8];
    const int rest = static_cast<int>(n - i < 8 ? n - i : 8);
    for (int k = 0; k < rest; ++k) half[k] = x[(i + k) * stride];
    from_halves(half, wide, 8);
    for (int k = 0; k < rest; ++k) y[i + k] = wide[k];
  }
}
void store_f16(const void* lanes, void* to, std::ptrdiff_t n, std::ptrdiff_t stride) {
  const float* x = static_cast<const float*>(lanes);
  u16* y = static_cast<u16*>(to);
  const std::ptrdiff_t whole = stride == 1 ? n / 8 * 8 : 0;
  to_halves(x, y, whole);
  for (std::ptrdiff_t i = whole; i < n; i += 8) {
    float wide[8] = {};
    u16 half[8];
    const int rest = static_cast<int>(n - i < 8 ? n - i : 8);
    for (int k = 0; k < rest; ++k) wide[k] = x[i + k];
    to_halves(wide, half, 8);
    for (int k = 0; k < rest; ++k) y[(i + k) * stride] = half[k];
  }
}

}  // namespace

// Rows as in vector_ops.def; columns f32, f64, i32, i64, boolean.
#define FD(name) {name##_f, name##_d, nullptr, nullptr, nullptr}
#define FDIL(name) {name##_f, name##_d, name##_i, name##_l, nullptr}
#define F(name) {name##_f, nullptr, nullptr, nullptr, nullptr}
#define FIL(name) {name##_f, nullptr, name##_i, name##_l, nullptr}
#define IL(name) {nullptr, nullptr, name##_i, name##_l, nullptr}
#define ILB(name) {nullptr, nullptr, name##_i, name##_l, name##_i}
extern const TileTable LEVEL_TABLE(tile_table) = {
    {FDIL(neg),
     FDIL(abs),
     FDIL(sign),
     FD(floor),
     FD(ceil),
     FD(rint),
     FD(trunc),
     FD(recip),
     FD(sqrt),
     FD(rsqrt),
     F(exp),
     F(expm1),
     F(log),
     F(log1p),
     F(sin),
     F(cos),
     F(tanh),
     F(erf),
     F(sigmoid),
     F(tan),
     F(asin),
     F(acos),
     F(atan),
     F(sinh),
     F(cosh),
     F(asinh),
     F(acosh),
     F(atanh),
     FD(isnan),
     ILB(logical_not),
     FDIL(add),
     FDIL(sub),
     FDIL(mul),
     FDIL(div),
     FDIL(min),
     FDIL(max),
     F(pow),
     FIL(mod),
     FIL(rem),
     {eq_f, eq_d, eq_i, eq_l, eq_b},
     FDIL(lt),
     FDIL(le),
     ILB(logical_and),
     ILB(logical_or),
     ILB(logical_xor),
     IL(shl),
     IL(shr),
     {select_f, select_d, select_f, select_l, select_f},
     {nullptr, nullptr, nullptr, nullptr, nullptr},  // cast
     FIL(narrow),
     F(quantize),
     F(muladd),
     F(clamp),
     F(addmax),
     F(hard_swish),
     F(silu),
     F(gelu),
     F(gelu_tanh),
     F(leaky)},
    {{nullptr, f32_to_f64, f32_to_i32, f32_to_i64, f32_to_boolean},
     {f64_to_f32, nullptr, f64_to_i32, f64_to_i64, f64_to_boolean},
     {i32_to_f32, i32_to_f64, nullptr, i32_to_i64, i32_to_boolean},
     {i64_to_f32, i64_to_f64, i64_to_i32, nullptr, i64_to_boolean},
     {boolean_to_f32, boolean_to_f64, boolean_to_i32, boolean_to_i64, nullptr}},
    {load_boolean, load_i8, load_i8, load_i8, load_i16, load_i32, load_i64, load_u8, load_u8,
     load_u8, load_u16, load_u32, load_bf16, load_f16, load_f32, load_f64},
    {store_boolean, store_i8, store_i8, store_i8, store_i16, store_i32, store_i64, store_u8,
     store_u8, store_u8, store_u16, store_u32, store_bf16, store_f16, store_f32, store_f64},
};

}  // namespace gossamer::kernels
