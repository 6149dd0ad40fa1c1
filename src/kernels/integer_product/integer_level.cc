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
  if (n >= 64)
    _mm512_storeu_si512(p, v);
  else
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

INLINE F32 scaled(const IntegerFinish& t, I32 sum, std::int64_t c) {
  return to_float(sum) * F32::load(t.scale + c) + F32::load(t.bias + c);
}
INLINE F32 bounded(F32 v, F32 low, F32 high) { return min_raw(high, max_raw(low, v)); }

void to_floats(const IntegerFinish& t) {
  const F32 low = F32::all(t.low), high = F32::all(t.high);
  for (std::int64_t r = 0; r < t.rows; ++r) {
    const i32* sums = t.sums + r * t.stride;
    auto* out = static_cast<float*>(t.out[r]);
    std::int64_t c = 0;
    for (; c + kLanes <= t.columns; c += kLanes)
      bounded(scaled(t, I32::load(sums + c), c), low, high).store(out + c);
    if (c < t.columns)
      bounded(scaled(t, I32::load(sums + c), c), low, high)
          .store_first(out + c, static_cast<int>(t.columns - c));
  }
}

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

// The channels from c on, as many as there are or as V vectors of sums have, of all rows.
template <bool Saturates, int V>
void rows_to_bytes(const IntegerFinish& t, std::int64_t c) {
  const ByteNumbers<V> n(t, c);
  const std::int64_t left = t.columns - c, stride = t.stride, rows = t.rows;
  const i32* sums = t.sums + c;
  void* const* out = t.out;
  for (std::int64_t r = 0; r < rows; ++r, sums += stride) {
    I32 sum[V];
    UNROLL for (int j = 0; j < V; ++j) sum[j] = I32::load(sums + j * kLanes);
    store_first_bytes(n.template bytes_of<Saturates>(sum), static_cast<u8*>(out[r]) + c, left);
  }
}

INLINE void rows_with_other(const IntegerFinish& t, std::int64_t c) {
  const ByteNumbers<kQuad> n(t, c);
  const F32 low2 = F32::all(t.low2), high2 = F32::all(t.high2);
  const F32 ratio = F32::all(t.ratio), other_ratio = F32::all(t.other_ratio);
  const I32 other_zero = I32::all(t.other_zero);
  const Bytes flip = I32::all(static_cast<i32>(t.flip)).v;
  const std::int64_t left = t.columns - c, stride = t.stride, rows = t.rows;
  const i32* sums = t.sums + c;
  void* const* out = t.out;
  const u8* const* other = t.other;
  for (std::int64_t r = 0; r < rows; ++r, sums += stride) {
    I32 q[kQuad];
    alignas(64) u8 others[kStride];
    (I32{load_first_bytes(other[r] + c, left)} ^ I32{flip}).store(others);
    UNROLL for (int j = 0; j < kQuad; ++j) {
      const F32 v = to_float(I32::load(sums + j * kLanes)) * n.scale[j] + n.bias[j];
      const I32 o = widen(others + j * kLanes) - other_zero;
      const F32 both =
          to_float(round_to_int(bounded(v, n.low, n.high))) * ratio + to_float(o) * other_ratio;
      q[j] = round_to_int(bounded(both, low2, high2));
    }
    store_first_bytes(n.packed(q), static_cast<u8*>(out[r]) + c, left);
  }
}

void to_bytes(const IntegerFinish& t) {
  for (std::int64_t c = 0; c < t.columns; c += kStride) {
    if (t.other)
      rows_with_other(t, c);
    else if (!t.saturates)
      rows_to_bytes<false, kQuad>(t, c);
    else if (t.columns - c > 3 * kLanes)
      rows_to_bytes<true, kQuad>(t, c);
    else if (t.columns - c > 2 * kLanes)
      rows_to_bytes<true, 3>(t, c);
    else if (t.columns - c > kLanes)
      rows_to_bytes<true, 2>(t, c);
    else
      rows_to_bytes<true, 1>(t, c);
  }
}

void tiles(const IntegerTiles& all) {
  alignas(64) i32 sums[kMaxIntegerHeight * kMaxIntegerPanels * kIntegerPanel + kStride];
  IntegerTile t = all.tile;
  IntegerFinish f = all.finish;
  t.out = sums;
  f.sums = sums;
  f.stride = t.out_stride;
  for (std::int64_t i = 0; i < all.count; ++i) {
    const IntegerTileRows& now = all.tiles[i];
    t.rows = now.rows;
    t.at = now.at;
    t.runs = now.runs;
    t.steps = now.steps;
    all.functions[now.height - 1](t);
    f.rows = now.height;
    if (all.to_bytes)
      to_bytes(f);
    else
      to_floats(f);
    f.out += now.height;
    if (f.other) f.other += now.height;
  }
}

// Four lines of one column of pixels, interleaved: V vectors, of 4 lines by kLanes channels each.
template <int V>
INLINE void interleave(const u8* const* lines, const u8* padding, std::int64_t offset, bool inside,
                       Bytes flip, std::int64_t left, i32* to) {
  Bytes x[kQuad];
  UNROLL for (int j = 0; j < kQuad; ++j) {
    const u8* p = inside && lines[j] ? lines[j] + offset : padding;
    x[j] = spread((I32{load_first_bytes(p, left)} ^ I32{flip}).v);
  }
  const Bytes a = low_bytes(x[0], x[1]), d = low_bytes(x[2], x[3]);
  I32{low_words(a, d)}.store(to);
  if constexpr (V > 1) I32{high_words(a, d)}.store(to + kLanes);
  if constexpr (V > 2) {
    const Bytes b = high_bytes(x[0], x[1]), e = high_bytes(x[2], x[3]);
    I32{low_words(b, e)}.store(to + 2 * kLanes);
    I32{high_words(b, e)}.store(to + 3 * kLanes);
  }
}

// The channels from c on of a strip: V vectors of sums, the last of them perhaps in part. C columns
// of one quad of lines each, whose weights stay in registers, or any where C is 0.
template <bool Dots, int V, int C>
void strip_channels(const IntegerStrip& all, std::int64_t c) {
  const IntegerStrip t = all;  // stores of bytes might change what is not our own
  alignas(64) i32 ring[kMaxStripColumns * kMaxStripQuads * kStride];
  constexpr std::int64_t kWeights = kDepthwiseBlock * kQuad, kColumn = kMaxStripQuads * kStride;
  const std::int8_t* w = t.weights + c / kDepthwiseBlock * (t.columns * t.quads * kWeights) +
                         c % kDepthwiseBlock * kQuad;
  Weights<Dots> held[C == 0 ? 1 : C * V];
  I32 start[V];
  UNROLL for (int k = 0; k < C; ++k) UNROLL for (int j = 0; j < V; ++j) held[k * V + j] =
      weights<Dots>(w + k * kWeights + j * kLanes * kQuad);
  UNROLL for (int j = 0; j < V; ++j) start[j] = I32::load(t.start + c + j * kLanes);
  const IntegerFinish f = t.finish;
  const ByteNumbers<V> numbers(f, t.sums ? 0 : c);
  const std::int64_t left = t.channels - c;
  const Bytes flip = I32::all(static_cast<i32>(t.flip)).v;
  std::int64_t next = t.first;  // column to interleave
  for (std::int64_t i = 0; i < t.count; ++i) {
    const std::int64_t x = t.first + i * t.step;
    if (next < x) next = x;
    for (; next < x + t.columns; ++next)
      for (std::int64_t q = 0; q < (C == 0 ? t.quads : 1); ++q)
        interleave<V>(t.lines + q * kQuad, t.padding + c, next * t.pixel + c,
                      next >= 0 && next < t.width, flip, left,
                      ring + (next & (kMaxStripColumns - 1)) * kColumn + q * kStride);
    I32 sum[kQuad];
    UNROLL for (int j = 0; j < V; ++j) sum[j] = start[j];
    if constexpr (C > 0) {
      UNROLL for (int k = 0; k < C; ++k) {
        const i32* a = ring + ((x + k) & (kMaxStripColumns - 1)) * kColumn;
        UNROLL for (int j = 0; j < V; ++j)
            multiply_add(sum[j], factors<Dots>(I32::load(a + j * kLanes).v), held[k * V + j]);
      }
    } else {
      const std::int8_t* b = w;
      for (std::int64_t k = 0; k < t.columns; ++k) {
        const i32* a = ring + ((x + k) & (kMaxStripColumns - 1)) * kColumn;
        for (std::int64_t q = 0; q < t.quads; ++q, a += kStride, b += kWeights)
          UNROLL for (int j = 0; j < V; ++j)
              multiply_add(sum[j], factors<Dots>(I32::load(a + j * kLanes).v),
                           weights<Dots>(b + j * kLanes * kQuad));
      }
    }
    if (t.sums) {
      UNROLL for (int j = 0; j < V; ++j) sum[j].store(t.sums + i * t.stride + c + j * kLanes);
    } else {
      const Bytes y = f.saturates ? numbers.template bytes_of<true>(sum)
                                  : numbers.template bytes_of<false>(sum);
      store_first_bytes(y, static_cast<u8*>(f.out[i]) + c, left);
    }
  }
}

template <bool Dots, int V>
INLINE void strip_vectors(const IntegerStrip& t, std::int64_t c) {
#if defined(__AVX512F__)
  if (Dots && t.columns == 3 && t.quads == 1) return strip_channels<Dots, V, 3>(t, c);
#endif
  strip_channels<Dots, V, 0>(t, c);
}

template <bool Dots>
void strip(const IntegerStrip& t) {
  for (std::int64_t c = 0; c < t.channels; c += kStride) {
    const std::int64_t left = t.channels - c;
    if (left > 3 * kLanes)
      strip_vectors<Dots, kQuad>(t, c);
    else if (left > 2 * kLanes)
      strip_vectors<Dots, kQuad - 1>(t, c);
    else if (left > kLanes)
      strip_vectors<Dots, 2>(t, c);
    else
      strip_vectors<Dots, 1>(t, c);
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
    {strip<false>, strip<true>},
    tiles,
    to_floats,
    to_bytes};
#elif defined(__AVX2__)
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_4(false, 1)}, {}, {}, {}}, {{TILES_6(true, 1)}, {TILES_2(true, 2)}, {}, {}}},
    {{4, 0, 0, 0}, {6, 2, 0, 0}},
    {depthwise<false>, depthwise<true>},
    {strip<false>, strip<true>},
    tiles,
    to_floats,
    to_bytes};
#else
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_2(false, 1)}, {}, {}, {}}, {{}, {}, {}, {}}},
    {{2, 0, 0, 0}, {0, 0, 0, 0}},
    {depthwise<false>, nullptr},
    {strip<false>, nullptr},
    tiles,
    to_floats,
    to_bytes};
#endif

}  // namespace gossamer::kernels
