// Vectors of bytes: interleaving them, products of four neighbors, and the way of 32-bit sums back
// to bytes. Four neighboring products are added up by one instruction where the machine has it
// (written out, since it belongs to no level); elsewhere even and odd bytes are multiplied as
// 16-bit numbers, whose pairs of products fit 32 bits without saturation. For *_level.cc files only
// (see level.h).
#pragma once

#include "kernels/integer_product/integer_table.h"
#include "kernels/vector_int.h"

namespace gossamer::kernels {
namespace {

#define UNROLL _Pragma("GCC unroll 32")

using u8 = std::uint8_t;
using i32 = std::int32_t;

constexpr int kLanes = F32::kLanes;
constexpr int kVectors = kIntegerPanel / kLanes;  // vectors of a panel

#if defined(__AVX512F__)
using Bytes = __m512i;
INLINE Bytes load_bytes(const void* p) { return _mm512_loadu_si512(p); }
INLINE Bytes quad(const void* p) {
  i32 x;
  __builtin_memcpy(&x, p, 4);
  return _mm512_set1_epi32(x);
}
INLINE Bytes low_bytes(Bytes a, Bytes b) { return _mm512_unpacklo_epi8(a, b); }
INLINE Bytes high_bytes(Bytes a, Bytes b) { return _mm512_unpackhi_epi8(a, b); }
INLINE Bytes low_words(Bytes a, Bytes b) { return _mm512_unpacklo_epi16(a, b); }
INLINE Bytes high_words(Bytes a, Bytes b) { return _mm512_unpackhi_epi16(a, b); }
// Lane l of 16 bytes gets the quads l, l + 4, l + 8, l + 12.
INLINE Bytes spread(Bytes a) {
  return _mm512_permutexvar_epi32(
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), a);
}
INLINE Bytes even(Bytes a) { return _mm512_srai_epi16(_mm512_slli_epi16(a, 8), 8); }
INLINE Bytes odd(Bytes a) { return _mm512_srai_epi16(a, 8); }
INLINE Bytes even_unsigned(Bytes a) { return _mm512_and_si512(a, _mm512_set1_epi16(255)); }
INLINE Bytes odd_unsigned(Bytes a) { return _mm512_srli_epi16(a, 8); }
INLINE Bytes pairs(Bytes a, Bytes b) { return _mm512_madd_epi16(a, b); }
// Four vectors of lanes that fit 16 bits, plus `add`, saturated to unsigned bytes, quads of the
// vectors taking turns in each 16 bytes.
INLINE Bytes unordered_bytes(const I32* v, std::int16_t add) {
  const Bytes a = _mm512_adds_epi16(_mm512_packs_epi32(v[0].v, v[1].v), _mm512_set1_epi16(add));
  const Bytes b = _mm512_adds_epi16(_mm512_packs_epi32(v[2].v, v[3].v), _mm512_set1_epi16(add));
  return _mm512_packus_epi16(a, b);
}
// 0, 4, 8 and 12 of the sixteen quads of numbers from p on.
INLINE Bytes load_every_fourth(const void* p) {
  const auto* q = static_cast<const char*>(p);
  const auto part = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(q + i)); };
  const Bytes low = _mm512_inserti32x4(_mm512_castsi128_si512(part(0)), part(64), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(low, part(128), 2), part(192), 3);
}
INLINE Bytes shifted(Bytes a, int bits) {
  return _mm512_slli_epi32(a, static_cast<unsigned>(bits));
}
INLINE Bytes shifted_back(Bytes a, int bits) {
  return _mm512_srli_epi32(a, static_cast<unsigned>(bits));
}
INLINE I32 multiply(I32 a, I32 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
INLINE Bytes all_bytes(std::uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
INLINE __mmask64 first_bytes(std::int64_t n) { return n >= 64 ? ~0ULL : (1ULL << n) - 1; }
INLINE Bytes load_first_bytes(const void* p, std::int64_t n) {
  return _mm512_maskz_loadu_epi8(first_bytes(n), p);
}
INLINE void store_first_bytes(Bytes v, void* p, std::int64_t n) {
  if (n >= 64)
    _mm512_storeu_si512(p, v);
  else
    _mm512_mask_storeu_epi8(p, first_bytes(n), v);
}
INLINE I32 widen(const u8* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
// The first n numbers of a vector, n > 0.
INLINE I32 widen_first(const u8* p, std::int64_t n) {
  const auto mask = static_cast<__mmask16>(n >= 16 ? 0xFFFF : (1 << n) - 1);
  return {_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, p))};
}
INLINE void add_dots(Bytes& sum, Bytes a, Bytes b) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
}
#elif defined(__AVX2__)
using Bytes = __m256i;
INLINE Bytes load_bytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
INLINE Bytes quad(const void* p) {
  i32 x;
  __builtin_memcpy(&x, p, 4);
  return _mm256_set1_epi32(x);
}
INLINE Bytes low_bytes(Bytes a, Bytes b) { return _mm256_unpacklo_epi8(a, b); }
INLINE Bytes high_bytes(Bytes a, Bytes b) { return _mm256_unpackhi_epi8(a, b); }
INLINE Bytes low_words(Bytes a, Bytes b) { return _mm256_unpacklo_epi16(a, b); }
INLINE Bytes high_words(Bytes a, Bytes b) { return _mm256_unpackhi_epi16(a, b); }
INLINE Bytes spread(Bytes a) {
  return _mm256_permutevar8x32_epi32(a, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}
INLINE Bytes even(Bytes a) { return _mm256_srai_epi16(_mm256_slli_epi16(a, 8), 8); }
INLINE Bytes odd(Bytes a) { return _mm256_srai_epi16(a, 8); }
INLINE Bytes even_unsigned(Bytes a) { return _mm256_and_si256(a, _mm256_set1_epi16(255)); }
INLINE Bytes odd_unsigned(Bytes a) { return _mm256_srli_epi16(a, 8); }
INLINE Bytes pairs(Bytes a, Bytes b) { return _mm256_madd_epi16(a, b); }
INLINE Bytes unordered_bytes(const I32* v, std::int16_t add) {
  const Bytes a = _mm256_adds_epi16(_mm256_packs_epi32(v[0].v, v[1].v), _mm256_set1_epi16(add));
  const Bytes b = _mm256_adds_epi16(_mm256_packs_epi32(v[2].v, v[3].v), _mm256_set1_epi16(add));
  return _mm256_packus_epi16(a, b);
}
INLINE I32 multiply(I32 a, I32 b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
INLINE Bytes all_bytes(std::uint8_t x) { return _mm256_set1_epi8(static_cast<char>(x)); }
INLINE I32 widen(const u8* p) {
  return {_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)))};
}
INLINE void add_dots(Bytes& sum, Bytes a, Bytes b) {
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
}
#else
using Bytes = __m128i;
INLINE Bytes load_bytes(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
INLINE Bytes quad(const void* p) {
  i32 x;
  __builtin_memcpy(&x, p, 4);
  return _mm_set1_epi32(x);
}
INLINE Bytes low_bytes(Bytes a, Bytes b) { return _mm_unpacklo_epi8(a, b); }
INLINE Bytes high_bytes(Bytes a, Bytes b) { return _mm_unpackhi_epi8(a, b); }
INLINE Bytes low_words(Bytes a, Bytes b) { return _mm_unpacklo_epi16(a, b); }
INLINE Bytes high_words(Bytes a, Bytes b) { return _mm_unpackhi_epi16(a, b); }
INLINE Bytes spread(Bytes a) { return a; }
INLINE Bytes even(Bytes a) { return _mm_srai_epi16(_mm_slli_epi16(a, 8), 8); }
INLINE Bytes odd(Bytes a) { return _mm_srai_epi16(a, 8); }
INLINE Bytes even_unsigned(Bytes a) { return _mm_and_si128(a, _mm_set1_epi16(255)); }
INLINE Bytes odd_unsigned(Bytes a) { return _mm_srli_epi16(a, 8); }
INLINE Bytes pairs(Bytes a, Bytes b) { return _mm_madd_epi16(a, b); }
INLINE Bytes unordered_bytes(const I32* v, std::int16_t add) {
  const Bytes a = _mm_adds_epi16(_mm_packs_epi32(v[0].v, v[1].v), _mm_set1_epi16(add));
  const Bytes b = _mm_adds_epi16(_mm_packs_epi32(v[2].v, v[3].v), _mm_set1_epi16(add));
  return _mm_packus_epi16(a, b);
}
INLINE I32 multiply(I32 a, I32 b) { return {_mm_mullo_epi32(a.v, b.v)}; }
INLINE Bytes all_bytes(std::uint8_t x) { return _mm_set1_epi8(static_cast<char>(x)); }
INLINE I32 widen(const u8* p) {
  i32 x;
  __builtin_memcpy(&x, p, 4);
  return {_mm_cvtepu8_epi32(_mm_cvtsi32_si128(x))};
}
#endif

constexpr int kStride = kQuad * kLanes;  // bytes of a vector

// In the order of the vectors.
INLINE Bytes to_unsigned_bytes(const I32* v, std::int16_t add) {
#if defined(__AVX512F__)
  return spread(unordered_bytes(v, add));
#elif defined(__AVX2__)
  return _mm256_permutevar8x32_epi32(unordered_bytes(v, add),
                                     _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
#else
  return unordered_bytes(v, add);
#endif
}

#if !defined(__AVX512F__)
INLINE Bytes load_first_bytes(const void* p, std::int64_t n) {
  if (n >= kStride) return load_bytes(p);
  alignas(32) u8 bytes[kStride] = {};
  for (std::int64_t i = 0; i < n; ++i) bytes[i] = static_cast<const u8*>(p)[i];
  return load_bytes(bytes);
}
INLINE void store_first_bytes(Bytes v, void* p, std::int64_t n) {
  if (n >= kStride) {
    I32{v}.store(p);
    return;
  }
  alignas(32) u8 bytes[kStride];
  I32{v}.store(bytes);
  for (std::int64_t i = 0; i < n; ++i) static_cast<u8*>(p)[i] = bytes[i];
}
INLINE I32 widen_first(const u8* p, std::int64_t n) {
  if (n >= kLanes) return widen(p);
  u8 bytes[8] = {};
  for (std::int64_t i = 0; i < n; ++i) bytes[i] = p[i];
  return widen(bytes);
}
#endif

// Quads of weights, as the multiplication wants them.
template <bool Dots>
struct Weights {
  Bytes a, b;
};

template <bool Dots>
INLINE Weights<Dots> weights(const void* p) {
  const Bytes w = load_bytes(p);
  if constexpr (Dots) return {w, w};
  return {even(w), odd(w)};
}
template <bool Dots>
INLINE Weights<Dots> factors(Bytes x) {
  if constexpr (Dots) return {x, x};
  return {even_unsigned(x), odd_unsigned(x)};
}
template <bool Dots>
INLINE void multiply_add(I32& sum, const Weights<Dots>& x, const Weights<Dots>& w) {
#if defined(__AVX2__)
  if constexpr (Dots) {
    add_dots(sum.v, x.a, w.a);
    return;
  }
#endif
  sum = sum + (I32{pairs(x.a, w.a)} + I32{pairs(x.b, w.b)});
}

INLINE F32 bounded(F32 v, F32 low, F32 high) { return min_raw(high, max_raw(low, v)); }

// What sums of a vector of channels become bytes with. Held in registers.
template <int V>
struct ByteNumbers {
  INLINE ByteNumbers(const IntegerFinish& t, std::int64_t c)
      : low(F32::all(t.low)),
        high(F32::all(t.high)),
        flip(all_bytes(t.is_signed ? 128 : 0)),
        zero(static_cast<std::int16_t>(t.zero + (t.is_signed ? 128 : 0))) {
    UNROLL for (int j = 0; j < V; ++j) {
      scale[j] = F32::load(t.scale + c + j * kLanes);
      bias[j] = F32::load(t.bias + c + j * kLanes);
    }
  }
  // V vectors of sums, and arbitrary bytes after those.
  template <bool Saturates>
  INLINE Bytes bytes_of(const I32* sums) const {
    I32 q[kQuad];
    UNROLL for (int j = 0; j < V; ++j) {
      const F32 v = to_float(sums[j]) * scale[j] + bias[j];
      q[j] = round_to_int(Saturates ? v : bounded(v, low, high));
    }
    UNROLL for (int j = V; j < kQuad; ++j) q[j] = q[0];
    return packed(q);
  }
  INLINE Bytes packed(const I32* q) const {
    return (I32{to_unsigned_bytes(q, zero)} ^ I32{flip}).v;
  }
  F32 low, high, scale[V], bias[V];
  Bytes flip;
  std::int16_t zero;
};

}  // namespace
}  // namespace gossamer::kernels
