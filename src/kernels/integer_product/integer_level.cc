// Tiles of exact sums of products of bytes, and the way of such sums to floats or bytes.
#include "kernels/integer_product/integer_bytes.h"
#include "kernels/level.h"

namespace gossamer::kernels {
namespace {

#if defined(__AVX512F__)
constexpr bool kFinishes = true;
#else
constexpr bool kFinishes = false;
#endif

// A tile of sums to bytes, in place.
template <int V, int H>
INLINE void finish_tile(const IntegerFinish& f, I32 (&sum)[H][V]) {
  UNROLL for (int j = 0; j < V; ++j) {
    const F32 scale = F32::load(f.scale + j * kLanes), bias = F32::load(f.bias + j * kLanes);
    UNROLL for (int i = 0; i < H; ++i) sum[i][j] = round_to_int(to_float(sum[i][j]) * scale + bias);
  }
  const Bytes flip = all_bytes(f.is_signed ? 128 : 0);
  const auto zero = static_cast<std::int16_t>(f.zero + (f.is_signed ? 128 : 0));
  const std::int64_t columns = f.columns, offset = f.offset;
  void* const* out = f.out;
  UNROLL for (int i = 0; i < H; ++i) {
    I32 q[kQuad];
    UNROLL for (int j = 0; j < kQuad; ++j) q[j] = sum[i][j < V ? j : 0];
    store_first_bytes((I32{to_unsigned_bytes(q, zero)} ^ I32{flip}).v,
                      static_cast<u8*>(out[i]) + offset, columns);
  }
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
  if constexpr (Dots && kFinishes) {
    if (t.finish) {
      finish_tile<V, H>(*t.finish, sum);
      return;
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

void to_floats(const IntegerFinish& t) {
  const F32 low = F32::all(t.low), high = F32::all(t.high), ratio = F32::all(t.ratio);
  const bool rounds = t.rounds;
  for (std::int64_t r = 0; r < t.rows; ++r) {
    const i32* sums = t.sums + r * t.stride;
    auto* out = reinterpret_cast<float*>(static_cast<char*>(t.out[r]) + t.offset);
    for (std::int64_t c = 0; c < t.columns; c += kLanes) {
      F32 v = bounded(scaled(t, I32::load(sums + c), c), low, high);
      if (rounds) v = rint(v) * ratio;
      if (c + kLanes <= t.columns)
        v.store(out + c);
      else
        v.store_first(out + c, static_cast<int>(t.columns - c));
    }
  }
}

// The channels from c on, as many as there are or as V vectors of sums have, of all rows.
template <bool Saturates, int V>
void rows_to_bytes(const IntegerFinish& t, std::int64_t c) {
  const ByteNumbers<V> n(t, c);
  const std::int64_t left = t.columns - c, stride = t.stride, rows = t.rows, at = t.offset + c;
  const i32* sums = t.sums + c;
  void* const* out = t.out;
  for (std::int64_t r = 0; r < rows; ++r, sums += stride) {
    I32 sum[V];
    UNROLL for (int j = 0; j < V; ++j) sum[j] = I32::load(sums + j * kLanes);
    store_first_bytes(n.template bytes_of<Saturates>(sum), static_cast<u8*>(out[r]) + at, left);
  }
}

template <int V>
void rows_with_other(const IntegerFinish& t, std::int64_t c) {
  const ByteNumbers<V> n(t, c);
  const F32 low2 = F32::all(t.low2), high2 = F32::all(t.high2);
  const F32 ratio = F32::all(t.ratio), other_ratio = F32::all(t.other_ratio);
  const I32 other_zero = I32::all(t.other_zero), flip = I32::all(static_cast<i32>(t.flip & 255));
  const std::int64_t left = t.columns - c, stride = t.stride, rows = t.rows;
  const std::int64_t at = t.offset + c, other_at = t.other_offset + c;
  const i32* sums = t.sums + c;
  void* const* out = t.out;
  const u8* const* other = t.other;
  // Stores of parts of vectors keep loads beside them waiting, and `out` may be `other`: so rows
  // are stored some at a time.
  constexpr std::int64_t kSome = 8;
  alignas(64) u8 made[kSome][kStride];
  for (std::int64_t first = 0; first < rows; first += kSome) {
    const std::int64_t end = first + kSome < rows ? first + kSome : rows;
    for (std::int64_t r = first; r < end; ++r, sums += stride) {
      I32 q[kQuad];
      UNROLL for (int j = 0; j < V; ++j) {
        const F32 v = to_float(I32::load(sums + j * kLanes)) * n.scale[j] + n.bias[j];
        const u8* from = other[r] + other_at + j * kLanes;
        const I32 o =
            ((j + 1 < V ? widen(from) : widen_first(from, left - j * kLanes)) ^ flip) - other_zero;
        const F32 both = rint(bounded(v, n.low, n.high)) * ratio + to_float(o) * other_ratio;
        q[j] = round_to_int(bounded(both, low2, high2));
      }
      UNROLL for (int j = V; j < kQuad; ++j) q[j] = q[0];
      I32{n.packed(q)}.store(made[r - first]);
    }
    for (std::int64_t r = first; r < end; ++r)
      store_first_bytes(load_bytes(made[r - first]), static_cast<u8*>(out[r]) + at, left);
  }
}

// Four vectors of channels from c on, or as many as there are.
template <template <int> class Rows>
INLINE void by_vectors(const IntegerFinish& t, std::int64_t c) {
  if (t.columns - c > 3 * kLanes)
    Rows<kQuad>::run(t, c);
  else if (t.columns - c > 2 * kLanes)
    Rows<3>::run(t, c);
  else if (t.columns - c > kLanes)
    Rows<2>::run(t, c);
  else
    Rows<1>::run(t, c);
}
template <int V>
struct WithOther {
  static INLINE void run(const IntegerFinish& t, std::int64_t c) { rows_with_other<V>(t, c); }
};
template <int V>
struct Saturating {
  static INLINE void run(const IntegerFinish& t, std::int64_t c) { rows_to_bytes<true, V>(t, c); }
};

void to_bytes(const IntegerFinish& t) {
  for (std::int64_t c = 0; c < t.columns; c += kStride) {
    if (t.other)
      by_vectors<WithOther>(t, c);
    else if (t.saturates)
      by_vectors<Saturating>(t, c);
    else
      rows_to_bytes<false, kQuad>(t, c);
  }
}

bool start(const IntegerStart& t) {
  const I32 zero = I32::all(t.zero);
  for (std::int64_t c = 0; c < t.padded; c += kLanes)
    (I32::load(t.bias_sums + c) - multiply(zero, I32::load(t.sums + c))).store(t.start + c);
  if (!t.scale) return true;
  const F32 most = F32::all(1e9F), reach = F32::all(t.reach);
  const F32 unit = F32::all(t.unit), one = F32::all(*t.scale) / unit;
  I32 small = I32::all(-1);
  for (std::int64_t c = 0; c < t.padded; c += kLanes) {
    const std::int64_t left = t.columns - c;
    const int n = left < 0 ? 0 : left < kLanes ? static_cast<int>(left) : kLanes;
    const auto some = [&](const float* p) {
      return n == kLanes ? F32::load(p + c) : F32::load_first(p + c, n);
    };
    F32 scale = t.one_scale ? one : some(t.scale) / unit;
    if (n < kLanes) scale = select(first_lanes(n), scale, F32::zero());
    const F32 bias = t.bias ? some(t.bias) / unit : F32::zero();
    scale.store(t.scales + c);
    bias.store(t.biases + c);
    const F32 sum = abs(to_float(I32::load(t.start + c))) + reach;
    small = small & to_lanes(less(sum * abs(scale) + abs(bias), most));
  }
  return !any(equal(small, I32::all(0)));
}

void tiles(const IntegerTiles& all) {
  alignas(64) i32 sums[kMaxIntegerHeight * kMaxIntegerPanels * kIntegerPanel + kStride];
  IntegerTile t = all.tile;
  IntegerFinish f = all.finish;
  t.out = sums;
  f.sums = sums;
  f.stride = t.out_stride;
  const bool finished = kFinishes && all.dots && all.to_bytes && f.saturates && !f.other;
  if (finished) t.finish = &f;
  for (std::int64_t i = 0; i < all.count; ++i) {
    const IntegerTileRows& now = all.tiles[i];
    t.rows = now.rows;
    t.at = now.at;
    t.runs = now.runs;
    t.steps = now.steps;
    all.functions[now.height - 1](t);
    f.rows = now.height;
    if (finished)
      ;
    else if (all.to_bytes)
      to_bytes(f);
    else
      to_floats(f);
    f.out += now.height;
    if (f.other) f.other += now.height;
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
    start,
    tiles,
    to_floats,
    to_bytes};
#elif defined(__AVX2__)
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_4(false, 1)}, {}, {}, {}}, {{TILES_6(true, 1)}, {TILES_2(true, 2)}, {}, {}}},
    {{4, 0, 0, 0}, {6, 2, 0, 0}},
    {depthwise<false>, depthwise<true>},
    start,
    tiles,
    to_floats,
    to_bytes};
#else
const IntegerTable LEVEL_TABLE(integer_table) = {
    {{{TILES_2(false, 1)}, {}, {}, {}}, {{}, {}, {}, {}}},
    {{2, 0, 0, 0}, {0, 0, 0, 0}},
    {depthwise<false>, nullptr},
    start,
    tiles,
    to_floats,
    to_bytes};
#endif

}  // namespace gossamer::kernels
