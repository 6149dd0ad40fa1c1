// Depthwise convolutions over lines of pixels.
#include "kernels/integer_product/integer_bytes.h"
#include "kernels/level.h"

namespace gossamer::kernels {
namespace {

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

// The channels from c on of a strip: V vectors of sums, the last of them perhaps in part.
template <bool Dots, int V>
void strip_channels(const IntegerStrip& all, std::int64_t c) {
  const IntegerStrip t = all;  // stores of bytes might change what is not our own
  alignas(64) i32 ring[kMaxStripColumns * kMaxStripQuads * kStride];
  constexpr std::int64_t kWeights = kDepthwiseBlock * kQuad, kColumn = kMaxStripQuads * kStride;
  const std::int8_t* w = t.weights + c / kDepthwiseBlock * (t.columns * t.quads * kWeights) +
                         c % kDepthwiseBlock * kQuad;
  I32 start[V];
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
      for (std::int64_t q = 0; q < t.quads; ++q)
        interleave<V>(t.lines + q * kQuad, t.padding + c, next * t.pixel + c,
                      next >= 0 && next < t.width, flip, left,
                      ring + (next & (kMaxStripColumns - 1)) * kColumn + q * kStride);
    I32 sum[kQuad];
    UNROLL for (int j = 0; j < V; ++j) sum[j] = start[j];
    const std::int8_t* b = w;
    for (std::int64_t k = 0; k < t.columns; ++k) {
      const i32* a = ring + ((x + k) & (kMaxStripColumns - 1)) * kColumn;
      for (std::int64_t q = 0; q < t.quads; ++q, a += kStride, b += kWeights)
        UNROLL for (int j = 0; j < V; ++j)
            multiply_add(sum[j], factors<Dots>(I32::load(a + j * kLanes).v),
                         weights<Dots>(b + j * kLanes * kQuad));
    }
    if (t.sums) {
      UNROLL for (int j = 0; j < V; ++j) sum[j].store(t.sums + i * t.stride + c + j * kLanes);
    } else {
      const Bytes y = numbers.template bytes_of<false>(sum);
      store_first_bytes(y, static_cast<u8*>(f.out[i]) + f.offset + c, left);
    }
  }
}

template <bool Dots>
void strip(const IntegerStrip& t) {
  for (std::int64_t c = 0; c < t.channels; c += kStride) {
    const std::int64_t left = t.channels - c;
    if (left > kLanes)
      strip_channels<Dots, kQuad>(t, c);
    else
      strip_channels<Dots, 1>(t, c);
  }
}

#if defined(__AVX512F__)

constexpr int kMaxTaps = kMaxStripColumns * kMaxStripQuads;
constexpr std::int64_t kColumn = kMaxStripQuads * kStride;  // numbers of a place of the ring

// What the sums of V vectors of channels need: weights of each tap, for the second line moved down;
// in the order of the sums.
template <int V>
struct PairNumbers {
  alignas(64) i32 weights[2][kMaxTaps][V][kLanes];
  alignas(64) i32 start[V][kLanes];
  alignas(64) float scale[V][kLanes], bias[V][kLanes];
};

// Four vectors take turns in each 64 bytes of their channels, 4 at a time: what interleaving gives
// and packing takes. Fewer hold 16 neighboring channels each.
template <int V>
INLINE I32 load_turn(const void* p, int j) {
  const auto* q = static_cast<const char*>(p);
  if constexpr (V == kQuad) return {load_every_fourth(q + 16 * j)};
  return I32::load(q + j * kStride);
}

template <int V>
void fill_numbers(const IntegerStrip& t, std::int64_t c, std::int64_t down, PairNumbers<V>& n) {
  constexpr std::int64_t kWeights = kDepthwiseBlock * kQuad;
  const std::int8_t* w = t.weights + c / kDepthwiseBlock * (t.columns * t.quads * kWeights) +
                         c % kDepthwiseBlock * kQuad;
  const int bits = static_cast<int>(8 * down);
  for (std::int64_t k = 0; k < t.columns * t.quads; k += t.quads)
    for (int j = 0; j < V; ++j) {
      I32 last = I32::all(0);
      for (std::int64_t q = 0; q < t.quads; ++q) {
        const I32 now = load_turn<V>(w + (k + q) * kWeights, j);
        now.store(n.weights[0][k + q][j]);
        (I32{shifted(now.v, bits)} | I32{shifted_back(last.v, 32 - bits)})
            .store(n.weights[1][k + q][j]);
        last = now;
      }
    }
  for (int j = 0; j < V; ++j) {
    load_turn<V>(t.start + c, j).store(n.start[j]);
    load_turn<V>(t.finish.scale + c, j).store(n.scale[j]);
    load_turn<V>(t.finish.bias + c, j).store(n.bias[j]);
  }
}

// Four lines of a column of pixels, interleaved as load_turn() has it.
template <int V>
INLINE void interleave_turns(const u8* const* lines, Bytes flip, __mmask64 mask, i32* to) {
  Bytes x[kQuad];
  UNROLL for (int j = 0; j < kQuad; ++j) {
    x[j] = (I32{_mm512_maskz_loadu_epi8(mask, lines[j])} ^ I32{flip}).v;
    if constexpr (V < kQuad) x[j] = spread(x[j]);
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

// R lines of outputs, two neighbors at a time; of three taps where Three, else of any number.
template <int V, int R, bool Three>
void pair_lines(const IntegerStrip& t, const IntegerLines& now, const PairNumbers<V>& n,
                std::int64_t c) {
  alignas(64) i32 ring[kMaxStripColumns * kColumn];
  const std::int64_t quads = Three ? 1 : t.quads, columns = Three ? 3 : t.columns;
  if (quads < 1 || columns < 1) return;
  const std::int64_t taps = quads * columns, step = t.step, count = t.count, width = t.width;
  const std::int64_t left = t.channels - c, pixel = t.pixel, reach = step + columns;
  const __mmask64 mask = first_bytes(left);
  const Bytes flip = I32::all(static_cast<i32>(t.flip)).v;
  const IntegerFinish& f = t.finish;
  const Bytes sign = all_bytes(f.is_signed ? 128 : 0);
  const auto zero = static_cast<std::int16_t>(f.zero + (f.is_signed ? 128 : 0));
  const u8* const padding = t.padding + c;
  const std::int64_t to = f.offset + c;
  void* const* out = now.out;
  const u8* lines[kMaxStripQuads * kQuad];
  std::int64_t steps[kMaxStripQuads * kQuad];
  for (int k = 0; k < kMaxStripQuads * kQuad; ++k) {
    lines[k] = now.lines[k] ? now.lines[k] + c : padding;
    steps[k] = now.lines[k] ? pixel : 0;
  }
  std::int64_t next = t.first;  // column to interleave
  for (std::int64_t i = 0; i < count; i += 2) {
    if (i + 2 > count) i = count - 2;
    const std::int64_t x = t.first + i * step;
    for (; next < x + reach; ++next)
      for (std::int64_t q = 0; q < quads; ++q) {
        const u8* in[kQuad];
        const bool inside = next >= 0 && next < width;
        UNROLL for (int j = 0; j < kQuad; ++j) {
          const std::int64_t k = q * kQuad + j;
          in[j] = inside ? lines[k] + next * steps[k] : padding;
        }
        interleave_turns<V>(in, flip, mask,
                            ring + (next & (kMaxStripColumns - 1)) * kColumn + q * kStride);
      }
    const i32* at[2][Three ? 3 : kMaxTaps] = {};
    for (std::int64_t k = 0; k < columns; ++k)
      for (std::int64_t q = 0; q < quads; ++q)
        UNROLL for (int p = 0; p < 2; ++p) at[p][k * quads + q] =
            ring + ((x + p * step + k) & (kMaxStripColumns - 1)) * kColumn + q * kStride;
    I32 y[R][2][kQuad];
    UNROLL for (int j = 0; j < V; ++j) {
      const I32 start = I32::load(n.start[j]);
      I32 sum[R][2];
      UNROLL for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = start;
      const auto tap = [&](std::int64_t k) __attribute__((always_inline)) {
        const I32 a = I32::load(at[0][k] + j * kLanes), b = I32::load(at[1][k] + j * kLanes);
        UNROLL for (int r = 0; r < R; ++r) {
          const I32 w = I32::load(n.weights[r][k][j]);
          add_dots(sum[r][0].v, a.v, w.v);
          add_dots(sum[r][1].v, b.v, w.v);
        }
      };
      if constexpr (Three) {
        UNROLL for (int k = 0; k < 3; ++k) tap(k);
      } else {
        for (std::int64_t k = 0; k < taps; ++k) tap(k);
      }
      const F32 scale = F32::load(n.scale[j]), bias = F32::load(n.bias[j]);
      UNROLL for (int r = 0; r < R; ++r) UNROLL for (int p = 0; p < 2; ++p) {
        y[r][p][j] = round_to_int(to_float(sum[r][p]) * scale + bias);
      }
    }
    UNROLL for (int r = 0; r < R; ++r) UNROLL for (int p = 0; p < 2; ++p) {
      UNROLL for (int j = V; j < kQuad; ++j) y[r][p][j] = y[r][p][0];
      const Bytes bytes =
          V < kQuad ? to_unsigned_bytes(y[r][p], zero) : unordered_bytes(y[r][p], zero);
      store_first_bytes((I32{bytes} ^ I32{sign}).v, static_cast<u8*>(out[r * count + i + p]) + to,
                        left);
    }
  }
}

template <int V>
void pair_channels(const IntegerPairs& all, std::int64_t c) {
  const IntegerStrip& t = all.strip;
  PairNumbers<V> n;
  std::int64_t down = 0;
  for (std::int64_t i = 0; i < all.line_count; ++i) down = down > 0 ? down : all.lines[i].down;
  fill_numbers<V>(t, c, down, n);
  const bool three = t.columns == 3 && t.quads == 1;
  for (std::int64_t i = 0; i < all.line_count; ++i) {
    const IntegerLines& now = all.lines[i];
    if (three && now.down > 0)
      pair_lines<V, 2, true>(t, now, n, c);
    else if (three)
      pair_lines<V, 1, true>(t, now, n, c);
    else if (now.down > 0)
      pair_lines<V, 2, false>(t, now, n, c);
    else
      pair_lines<V, 1, false>(t, now, n, c);
  }
}

void pairs(const IntegerPairs& t) {
  for (std::int64_t c = 0; c < t.strip.channels; c += kStride) {
    const std::int64_t left = t.strip.channels - c;
    if (left > 2 * kLanes)
      pair_channels<kQuad>(t, c);
    else
      pair_channels<2>(t, c);
  }
}

#endif

}  // namespace

extern const IntegerStripTable LEVEL_TABLE(integer_strip_table);
#if defined(__AVX512F__)
const IntegerStripTable LEVEL_TABLE(integer_strip_table) = {{strip<false>, strip<true>}, pairs};
#elif defined(__AVX2__)
const IntegerStripTable LEVEL_TABLE(integer_strip_table) = {{strip<false>, strip<true>}, nullptr};
#else
const IntegerStripTable LEVEL_TABLE(integer_strip_table) = {{strip<false>, nullptr}, nullptr};
#endif

}  // namespace gossamer::kernels
