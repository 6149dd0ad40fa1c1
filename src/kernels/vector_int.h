// Vectors of 32-bit integers and of truth values beside those of floats, and what leads from one to
// the other. For *_level.cc files only (see level.h).
#pragma once

#include "kernels/vector.h"

namespace gossamer::kernels {
namespace {

#if defined(__AVX512F__)

// One truth value a lane.
struct Mask {
  __mmask16 v;
};
INLINE Mask operator&(Mask a, Mask b) { return {static_cast<__mmask16>(a.v & b.v)}; }
INLINE Mask operator|(Mask a, Mask b) { return {static_cast<__mmask16>(a.v | b.v)}; }
INLINE bool any(Mask m) { return m.v != 0; }

struct I32 {
  __m512i v;
  static INLINE I32 load(const void* p) { return {_mm512_loadu_si512(p)}; }
  static INLINE I32 all(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  INLINE void store(void* p) const { _mm512_storeu_si512(p, v); }
};
INLINE I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
INLINE I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
INLINE I32 operator&(I32 a, I32 b) { return {_mm512_and_si512(a.v, b.v)}; }
INLINE I32 operator|(I32 a, I32 b) { return {_mm512_or_si512(a.v, b.v)}; }
INLINE I32 operator^(I32 a, I32 b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int kCount>
INLINE I32 shift_left(I32 a) {
  return {_mm512_slli_epi32(a.v, kCount)};
}
template <int kCount>
INLINE I32 shift_right(I32 a) {  // arithmetic
  return {_mm512_srai_epi32(a.v, kCount)};
}
INLINE Mask less(I32 a, I32 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
INLINE Mask equal(I32 a, I32 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
INLINE I32 select(Mask m, I32 a, I32 b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }
// All ones where true.
INLINE I32 to_lanes(Mask m) { return {_mm512_maskz_set1_epi32(m.v, -1)}; }
INLINE Mask from_lanes(I32 a) { return {_mm512_test_epi32_mask(a.v, a.v)}; }

INLINE I32 bits_of(F32 a) { return {_mm512_castps_si512(a.v)}; }
INLINE F32 float_of_bits(I32 a) { return {_mm512_castsi512_ps(a.v)}; }
INLINE F32 to_float(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }
INLINE I32 round_to_int(F32 a) { return {_mm512_cvtps_epi32(a.v)}; }
INLINE I32 truncate_to_int(F32 a) { return {_mm512_cvttps_epi32(a.v)}; }
INLINE Mask less(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
INLINE Mask less_equal(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
INLINE Mask equal(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
INLINE Mask unordered(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
INLINE F32 select(Mask m, F32 a, F32 b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
template <int kMode>
INLINE F32 rounded(F32 a) {
  return {_mm512_roundscale_ps(a.v, kMode | _MM_FROUND_NO_EXC)};
}

#elif defined(__AVX2__)

struct Mask {
  __m256 v;
};
INLINE Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.v, b.v)}; }
INLINE Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.v, b.v)}; }
INLINE bool any(Mask m) { return _mm256_movemask_ps(m.v) != 0; }

struct I32 {
  __m256i v;
  static INLINE I32 load(const void* p) {
    return {_mm256_loadu_si256(static_cast<const __m256i*>(p))};
  }
  static INLINE I32 all(std::int32_t x) { return {_mm256_set1_epi32(x)}; }
  INLINE void store(void* p) const { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
};
INLINE I32 operator+(I32 a, I32 b) { return {_mm256_add_epi32(a.v, b.v)}; }
INLINE I32 operator-(I32 a, I32 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
INLINE I32 operator&(I32 a, I32 b) { return {_mm256_and_si256(a.v, b.v)}; }
INLINE I32 operator|(I32 a, I32 b) { return {_mm256_or_si256(a.v, b.v)}; }
INLINE I32 operator^(I32 a, I32 b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int kCount>
INLINE I32 shift_left(I32 a) {
  return {_mm256_slli_epi32(a.v, kCount)};
}
template <int kCount>
INLINE I32 shift_right(I32 a) {
  return {_mm256_srai_epi32(a.v, kCount)};
}
INLINE Mask less(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(b.v, a.v))}; }
INLINE Mask equal(I32 a, I32 b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
INLINE I32 select(Mask m, I32 a, I32 b) {
  return {_mm256_castps_si256(
      _mm256_blendv_ps(_mm256_castsi256_ps(b.v), _mm256_castsi256_ps(a.v), m.v))};
}
INLINE I32 to_lanes(Mask m) { return {_mm256_castps_si256(m.v)}; }
INLINE Mask from_lanes(I32 a) { return {_mm256_castsi256_ps(a.v)}; }

INLINE I32 bits_of(F32 a) { return {_mm256_castps_si256(a.v)}; }
INLINE F32 float_of_bits(I32 a) { return {_mm256_castsi256_ps(a.v)}; }
INLINE F32 to_float(I32 a) { return {_mm256_cvtepi32_ps(a.v)}; }
INLINE I32 round_to_int(F32 a) { return {_mm256_cvtps_epi32(a.v)}; }
INLINE I32 truncate_to_int(F32 a) { return {_mm256_cvttps_epi32(a.v)}; }
INLINE Mask less(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
INLINE Mask less_equal(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
INLINE Mask equal(F32 a, F32 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
INLINE Mask unordered(F32 a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
INLINE F32 select(Mask m, F32 a, F32 b) { return {_mm256_blendv_ps(b.v, a.v, m.v)}; }
INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.v)}; }
template <int kMode>
INLINE F32 rounded(F32 a) {
  return {_mm256_round_ps(a.v, kMode | _MM_FROUND_NO_EXC)};
}

#else

struct Mask {
  __m128 v;
};
INLINE Mask operator&(Mask a, Mask b) { return {_mm_and_ps(a.v, b.v)}; }
INLINE Mask operator|(Mask a, Mask b) { return {_mm_or_ps(a.v, b.v)}; }
INLINE bool any(Mask m) { return _mm_movemask_ps(m.v) != 0; }

struct I32 {
  __m128i v;
  static INLINE I32 load(const void* p) {
    return {_mm_loadu_si128(static_cast<const __m128i*>(p))};
  }
  static INLINE I32 all(std::int32_t x) { return {_mm_set1_epi32(x)}; }
  INLINE void store(void* p) const { _mm_storeu_si128(static_cast<__m128i*>(p), v); }
};
INLINE I32 operator+(I32 a, I32 b) { return {_mm_add_epi32(a.v, b.v)}; }
INLINE I32 operator-(I32 a, I32 b) { return {_mm_sub_epi32(a.v, b.v)}; }
INLINE I32 operator&(I32 a, I32 b) { return {_mm_and_si128(a.v, b.v)}; }
INLINE I32 operator|(I32 a, I32 b) { return {_mm_or_si128(a.v, b.v)}; }
INLINE I32 operator^(I32 a, I32 b) { return {_mm_xor_si128(a.v, b.v)}; }
template <int kCount>
INLINE I32 shift_left(I32 a) {
  return {_mm_slli_epi32(a.v, kCount)};
}
template <int kCount>
INLINE I32 shift_right(I32 a) {
  return {_mm_srai_epi32(a.v, kCount)};
}
INLINE Mask less(I32 a, I32 b) { return {_mm_castsi128_ps(_mm_cmplt_epi32(a.v, b.v))}; }
INLINE Mask equal(I32 a, I32 b) { return {_mm_castsi128_ps(_mm_cmpeq_epi32(a.v, b.v))}; }
INLINE I32 select(Mask m, I32 a, I32 b) {
  return {_mm_castps_si128(_mm_blendv_ps(_mm_castsi128_ps(b.v), _mm_castsi128_ps(a.v), m.v))};
}
INLINE I32 to_lanes(Mask m) { return {_mm_castps_si128(m.v)}; }
INLINE Mask from_lanes(I32 a) { return {_mm_castsi128_ps(a.v)}; }

INLINE I32 bits_of(F32 a) { return {_mm_castps_si128(a.v)}; }
INLINE F32 float_of_bits(I32 a) { return {_mm_castsi128_ps(a.v)}; }
INLINE F32 to_float(I32 a) { return {_mm_cvtepi32_ps(a.v)}; }
INLINE I32 round_to_int(F32 a) { return {_mm_cvtps_epi32(a.v)}; }
INLINE I32 truncate_to_int(F32 a) { return {_mm_cvttps_epi32(a.v)}; }
INLINE Mask less(F32 a, F32 b) { return {_mm_cmplt_ps(a.v, b.v)}; }
INLINE Mask less_equal(F32 a, F32 b) { return {_mm_cmple_ps(a.v, b.v)}; }
INLINE Mask equal(F32 a, F32 b) { return {_mm_cmpeq_ps(a.v, b.v)}; }
INLINE Mask unordered(F32 a) { return {_mm_cmpunord_ps(a.v, a.v)}; }
INLINE F32 select(Mask m, F32 a, F32 b) { return {_mm_blendv_ps(b.v, a.v, m.v)}; }
INLINE F32 sqrt(F32 a) { return {_mm_sqrt_ps(a.v)}; }
template <int kMode>
INLINE F32 rounded(F32 a) {
  return {_mm_round_ps(a.v, kMode | _MM_FROUND_NO_EXC)};
}

#endif

// True in the first n lanes.
INLINE Mask first_lanes(int n) {
#if defined(__AVX512F__)
  return {static_cast<__mmask16>((1u << n) - 1)};
#elif defined(__AVX2__)
  return {_mm256_castsi256_ps(first_mask(n))};
#else
  return {_mm_castsi128_ps(_mm_cmplt_epi32(_mm_setr_epi32(0, 1, 2, 3), _mm_set1_epi32(n)))};
#endif
}

INLINE F32 abs(F32 a) { return float_of_bits(bits_of(a) & I32::all(0x7FFFFFFF)); }
INLINE F32 neg(F32 a) { return float_of_bits(bits_of(a) ^ I32::all(-0x7FFFFFFF - 1)); }
// The magnitude of a with the sign of b.
INLINE F32 copysign(F32 a, F32 b) {
  return float_of_bits((bits_of(a) & I32::all(0x7FFFFFFF)) |
                       (bits_of(b) & I32::all(-0x7FFFFFFF - 1)));
}
INLINE F32 rint(F32 a) { return rounded<_MM_FROUND_TO_NEAREST_INT>(a); }
INLINE F32 floor(F32 a) { return rounded<_MM_FROUND_TO_NEG_INF>(a); }
INLINE F32 ceil(F32 a) { return rounded<_MM_FROUND_TO_POS_INF>(a); }
INLINE F32 trunc(F32 a) { return rounded<_MM_FROUND_TO_ZERO>(a); }
// NaN wins; -0 and 0 count as equal and give a.
INLINE F32 min(F32 a, F32 b) { return select(less_equal(a, b) | unordered(a), a, b); }
INLINE F32 max(F32 a, F32 b) { return select(less_equal(b, a) | unordered(a), a, b); }

}  // namespace
}  // namespace gossamer::kernels
