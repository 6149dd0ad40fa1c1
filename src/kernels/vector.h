// Vectors of single-precision numbers, as wide as the level has them. For *_level.cc files only
// (see level.h).
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {
namespace {

#define INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)

// A vector of kLanes floats.
struct F32 {
  static constexpr int kLanes = 16;
  __m512 v;
  static INLINE F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static INLINE F32 all(float x) { return {_mm512_set1_ps(x)}; }
  static INLINE F32 zero() { return {_mm512_setzero_ps()}; }
  // The first n (0 <= n <= kLanes) elements; the others are 0 and not read.
  static INLINE F32 load_first(const float* p, int n) {
    return {_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p)};
  }
  INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  INLINE void store_first(float* p, int n) const {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
  }
};
INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
// a * b + c, rounded once where the level can.
INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// When an operand is a NaN, the second operand.
INLINE F32 min_raw(F32 a, F32 b) { return {_mm512_min_ps(a.v, b.v)}; }
INLINE F32 max_raw(F32 a, F32 b) { return {_mm512_max_ps(a.v, b.v)}; }
INLINE float sum(F32 a) { return _mm512_reduce_add_ps(a.v); }
INLINE float highest(F32 a) { return _mm512_reduce_max_ps(a.v); }

#elif defined(__AVX2__)

INLINE __m256i first_mask(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

struct F32 {
  static constexpr int kLanes = 8;
  __m256 v;
  static INLINE F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static INLINE F32 all(float x) { return {_mm256_set1_ps(x)}; }
  static INLINE F32 zero() { return {_mm256_setzero_ps()}; }
  static INLINE F32 load_first(const float* p, int n) {
    return {_mm256_maskload_ps(p, first_mask(n))};
  }
  INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  INLINE void store_first(float* p, int n) const { _mm256_maskstore_ps(p, first_mask(n), v); }
};
INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
INLINE F32 min_raw(F32 a, F32 b) { return {_mm256_min_ps(a.v, b.v)}; }
INLINE F32 max_raw(F32 a, F32 b) { return {_mm256_max_ps(a.v, b.v)}; }
INLINE float sum(F32 a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
INLINE float highest(F32 a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

#else

struct F32 {
  static constexpr int kLanes = 4;
  __m128 v;
  static INLINE F32 load(const float* p) { return {_mm_loadu_ps(p)}; }
  static INLINE F32 all(float x) { return {_mm_set1_ps(x)}; }
  static INLINE F32 zero() { return {_mm_setzero_ps()}; }
  static INLINE F32 load_first(const float* p, int n) {
    float x[4] = {0, 0, 0, 0};
    for (int i = 0; i < n; ++i) x[i] = p[i];
    return {_mm_loadu_ps(x)};
  }
  INLINE void store(float* p) const { _mm_storeu_ps(p, v); }
  INLINE void store_first(float* p, int n) const {
    float x[4];
    _mm_storeu_ps(x, v);
    for (int i = 0; i < n; ++i) p[i] = x[i];
  }
};
INLINE F32 operator+(F32 a, F32 b) { return {_mm_add_ps(a.v, b.v)}; }
INLINE F32 operator-(F32 a, F32 b) { return {_mm_sub_ps(a.v, b.v)}; }
INLINE F32 operator*(F32 a, F32 b) { return {_mm_mul_ps(a.v, b.v)}; }
INLINE F32 operator/(F32 a, F32 b) { return {_mm_div_ps(a.v, b.v)}; }
INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm_add_ps(_mm_mul_ps(a.v, b.v), c.v)}; }
INLINE F32 min_raw(F32 a, F32 b) { return {_mm_min_ps(a.v, b.v)}; }
INLINE F32 max_raw(F32 a, F32 b) { return {_mm_max_ps(a.v, b.v)}; }
INLINE float sum(F32 a) {
  __m128 s = _mm_add_ps(a.v, _mm_movehl_ps(a.v, a.v));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
INLINE float highest(F32 a) {
  __m128 s = _mm_max_ps(a.v, _mm_movehl_ps(a.v, a.v));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

#endif

}  // namespace
}  // namespace gossamer::kernels
