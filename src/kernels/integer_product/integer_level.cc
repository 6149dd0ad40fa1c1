// Exact sums of products of bytes. Four neighboring products are added up by one instruction where
// the machine has it (written out, since it belongs to no level); elsewhere even and odd bytes are
// multiplied as 16-bit numbers, whose pairs of products fit 32 bits without saturation.
#include "kernels/integer_product/integer_table.h"
#include "kernels/level.h"
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
// Four vectors of lanes that fit 16 bits, plus `add`, saturated to unsigned bytes, in order.
INLINE Bytes to_unsigned_bytes(const I32* v, std::int16_t add) {
  const Bytes a = _mm512_adds_epi16(_mm512_packs_epi32(v[0].v, v[1].v), _mm512_set1_epi16(add));
  const Bytes b = _mm512_adds_epi16(_mm512_packs_epi32(v[2].v, v[3].v), _mm512_set1_epi16(add));
  return spread(_mm512_packus_epi16(a, b));
}
INLINE Bytes all_bytes(std::uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }
INLINE __mmask64 first_bytes(std::int64_t n) { return n >= 64 ? ~0ULL : (1ULL << n) - 1; }
INLINE Bytes load_first_bytes(const void* p, std::int64_t n) {
  return _mm512_maskz_loadu_epi8(first_bytes(n), p);
}
INLINE void store_first_bytes(Bytes v, void* p, std::int64_t n) {
  _mm512_mask_storeu_epi8(p, first_bytes(n), v);
}
INLINE I32 widen(const u8* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
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
INLINE Bytes to_unsigned_bytes(const I32* v, std::int16_t add) {
  const Bytes a = _mm256_adds_epi16(_mm256_packs_epi32(v[0].v, v[1].v), _mm256_set1_epi16(add));
  const Bytes b = _mm256_adds_epi16(_mm256_packs_epi32(v[2].v, v[3].v), _mm256_set1_epi16(add));
  return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b),
                                     _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
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
INLINE Bytes to_unsigned_bytes(const I32* v, std::int16_t add) {
  const Bytes a = _mm_adds_epi16(_mm_packs_epi32(v[0].v, v[1].v), _mm_set1_epi16(add));
  const Bytes b = _mm_adds_epi16(_mm_packs_epi32(v[2].v, v[3].v), _mm_set1_epi16(add));
  return _mm_packus_epi16(a, b);
}
INLINE Bytes all_bytes(std::uint8_t x) { return _mm_set1_epi8(static_cast<char>(x)); }
INLINE I32 widen(const u8* p) {
  i32 x;
  __builtin_memcpy(&x, p, 4);
  return {_mm_cvtepu8_epi32(_mm_cvtsi32_si128(x))};
}
#endif

constexpr int kStride = kQuad * kLanes;  // bytes of a vector

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

template <bool Dots, int P, int H>
void tile(const IntegerTile& t) {
  constexpr int V = P * kVectors;
  I32 sum[H][V];
  UNROLL for (int j = 0; j < V; ++j) {
    const I32 start = I32::load(t.start + j * kLanes);
    UNROLL for (int i = 0; i < H; ++i) sum[i][j] = start;
  }
  const I32 flip = I32::all(static_cast<i32>(t.flip));
  const std::int64_t panel = t.panel;
  const u8* const* rows = t.rows;
  for (std::int64_t r = 0; r < t.runs; ++r, rows += H) {
    const std::int8_t* b = t.panels + t.at[r] * (kIntegerPanel * kQuad);
    const u8* a[H];
    UNROLL for (int i = 0; i < H; ++i) {
      a[i] = rows[i] + t.offset;
      asm("" : "+r"(a[i]));  // one register each, not offsets from a common one
    }
    for (std::int64_t k = 0; k < t.steps; ++k, b += kIntegerPanel * kQuad) {
      Weights<Dots> w[V];
      UNROLL for (int j = 0; j < V; ++j) w[j] =
          weights<Dots>(b + j / kVectors * panel + j % kVectors * kLanes * kQuad);
      UNROLL for (int i = 0; i < H; ++i) {
        const Weights<Dots> x = factors<Dots>((I32{quad(a[i] + k * kQuad)} ^ flip).v);
        UNROLL for (int j = 0; j < V; ++j) multiply_add(sum[i][j], x, w[j]);
      }
    }
  }
  UNROLL for (int i = 0; i < H; ++i) UNROLL for (int j = 0; j < V; ++j) sum[i][j].store(
      t.out + i * t.out_stride + j * kLanes);
}

// Sums of the channels [c, c + n) of a vector of bytes; n is kStride where `Whole`.
template <bool Dots, bool Whole>
INLINE void depthwise_vectors(const IntegerDepthwise& t, std::int64_t c, std::int64_t n,
                              const std::int8_t* w) {
  I32 sum[kQuad];
  UNROLL for (int j = 0; j < kQuad; ++j) sum[j] = I32::load(t.start + c + j * kLanes);
  const Bytes flip = I32::all(static_cast<i32>(t.flip)).v;
  const u8* const* in = t.in;
  for (std::int64_t q = 0; q < t.quads; ++q, in += kQuad) {
    Bytes x[kQuad];
    UNROLL for (int j = 0; j < kQuad; ++j) x[j] =
        Whole ? load_bytes(in[j] + c) : load_first_bytes(in[j] + c, n);
    UNROLL for (int j = 0; j < kQuad; ++j) x[j] = spread((I32{x[j]} ^ I32{flip}).v);
    const Bytes a = low_bytes(x[0], x[1]), b = high_bytes(x[0], x[1]);
    const Bytes d = low_bytes(x[2], x[3]), e = high_bytes(x[2], x[3]);
    const Bytes y[kQuad] = {low_words(a, d), high_words(a, d), low_words(b, e), high_words(b, e)};
    UNROLL for (int j = 0; j < kQuad; ++j)
        multiply_add(sum[j], factors<Dots>(y[j]),
                     weights<Dots>(w + q * kDepthwiseBlock * kQuad + j * kLanes * kQuad));
  }
  UNROLL for (int j = 0; j < kQuad; ++j) sum[j].store(t.out + c + j * kLanes);
}

template <bool Dots>
void depthwise(const IntegerDepthwise& t) {
  const std::int64_t block = t.quads * kDepthwiseBlock * kQuad;
  for (std::int64_t c = 0; c < t.channels; c += kStride) {
    const std::int64_t left = t.channels - c;
    const std::int8_t* w = t.weights + c / kDepthwiseBlock * block + c % kDepthwiseBlock * kQuad;
    if (left >= kStride)
      depthwise_vectors<Dots, true>(t, c, kStride, w);
    else
      depthwise_vectors<Dots, false>(t, c, left, w);
  }
}

INLINE F32 scaled(const IntegerFinish& t, const i32* sums, std::int64_t c, F32 low, F32 high) {
  const F32 v = to_float(I32::load(sums + c)) * F32::load(t.scale + c) + F32::load(t.bias + c);
  return min_raw(high, max_raw(low, v));
}

void to_floats(const IntegerFinish& t) {
  const F32 low = F32::all(t.low), high = F32::all(t.high);
  for (std::int64_t r = 0; r < t.rows; ++r) {
    const i32* sums = t.sums + r * t.stride;
    auto* out = static_cast<float*>(t.out[r]);
    std::int64_t c = 0;
    for (; c + kLanes <= t.columns; c += kLanes) scaled(t, sums, c, low, high).store(out + c);
    if (c < t.columns)
      scaled(t, sums, c, low, high).store_first(out + c, static_cast<int>(t.columns - c));
  }
}

template <bool Other>
INLINE void row_to_bytes(const IntegerFinish& t, const i32* sums, const u8* other, u8* out) {
  const F32 low = F32::all(t.low), high = F32::all(t.high);
  const F32 low2 = F32::all(t.low2), high2 = F32::all(t.high2);
  const F32 ratio = F32::all(t.ratio), other_ratio = F32::all(t.other_ratio);
  const I32 other_zero = I32::all(t.other_zero);
  const Bytes flip = I32::all(static_cast<i32>(t.flip)).v;
  const Bytes out_flip = all_bytes(t.is_signed ? 128 : 0);
  const auto zero = static_cast<std::int16_t>(t.zero + (t.is_signed ? 128 : 0));
  for (std::int64_t c = 0; c < t.columns; c += kStride) {
    const std::int64_t n = t.columns - c;
    I32 q[kQuad];
    alignas(64) u8 others[kStride];
    if constexpr (Other) (I32{load_first_bytes(other + c, n)} ^ I32{flip}).store(others);
    UNROLL for (int j = 0; j < kQuad; ++j) {
      q[j] = round_to_int(scaled(t, sums, c + j * kLanes, low, high));
      if constexpr (Other) {
        const I32 o = widen(others + j * kLanes) - other_zero;
        const F32 v = to_float(q[j]) * ratio + to_float(o) * other_ratio;
        q[j] = round_to_int(min_raw(high2, max_raw(low2, v)));
      }
    }
    store_first_bytes((I32{to_unsigned_bytes(q, zero)} ^ I32{out_flip}).v, out + c, n);
  }
}

void to_bytes(const IntegerFinish& t) {
  for (std::int64_t r = 0; r < t.rows; ++r) {
    const i32* sums = t.sums + r * t.stride;
    auto* out = static_cast<u8*>(t.out[r]);
    if (t.other)
      row_to_bytes<true>(t, sums, t.other[r], out);
    else
      row_to_bytes<false>(t, sums, nullptr, out);
  }
}

}  // namespace

#define TILES_1(D, P) tile<D, P, 1>
#define TILES_2(D, P) TILES_1(D, P), tile<D, P, 2>
#define TILES_4(D, P) TILES_2(D, P), tile<D, P, 3>, tile<D, P, 4>
#define TILES_6(D, P) TILES_4(D, P), tile<D, P, 5>, tile<D, P, 6>
#define TILES_8(D, P) TILES_6(D, P), tile<D, P, 7>, tile<D, P, 8>

extern const IntegerTable LEVEL_TABLE(integer_table);
#if defined(__AVX512F__)
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_4(false, 1)}, {TILES_4(false, 2)}, {}, {}},
     {{TILES_8(true, 1)}, {TILES_8(true, 2)}, {TILES_8(true, 3)}, {TILES_6(true, 4)}}},
    {{4, 4, 0, 0}, {8, 8, 8, 6}},
    {depthwise<false>, depthwise<true>},
    to_floats,
    to_bytes};
#elif defined(__AVX2__)
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_4(false, 1)}, {}, {}, {}}, {{TILES_6(true, 1)}, {TILES_2(true, 2)}, {}, {}}},
    {{4, 0, 0, 0}, {6, 2, 0, 0}},
    {depthwise<false>, depthwise<true>},
    to_floats,
    to_bytes};
#else
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_2(false, 1)}, {}, {}, {}}, {{}, {}, {}, {}}},
    {{2, 0, 0, 0}, {0, 0, 0, 0}},
    {depthwise<false>, nullptr},
    to_floats,
    to_bytes};
#endif

}  // namespace gossamer::kernels
