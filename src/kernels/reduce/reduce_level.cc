// Reductions: floats in several vector accumulators over blocks, blocks joined in double, so that
// errors do not grow with length.
#include "kernels/level.h"
#include "kernels/reduce/reduce_table.h"
#include "kernels/vector_math.h"

namespace gossamer::kernels {
namespace {

using std::ptrdiff_t;
constexpr int kLanes = F32::kLanes;

// Each fold: its neutral element, one vector more, two partial results into one.
struct Sum {
  static constexpr bool kAdds = true;
  static constexpr float kNeutral = 0;
  static INLINE F32 step(F32 a, F32 x, F32) { return a + x; }
  static INLINE F32 merge(F32 a, F32 b) { return a + b; }
  static INLINE double join(double a, double b) { return a + b; }
};
struct Exponentials : Sum {
  static INLINE F32 step(F32 a, F32 x, F32 shift) { return a + exp_below_zero(x - shift); }
};
struct Squares : Sum {
  static INLINE F32 step(F32 a, F32 x, F32 shift) {
    const F32 d = x - shift;
    return fma(d, d, a);
  }
};
struct Product {
  static constexpr bool kAdds = false;
  static constexpr float kNeutral = 1;
  static INLINE F32 step(F32 a, F32 x, F32) { return a * x; }
  static INLINE F32 merge(F32 a, F32 b) { return a * b; }
  static INLINE double join(double a, double b) { return a * b; }
};
// NaN wins.
struct Highest {
  static constexpr bool kAdds = false;
  static constexpr float kNeutral = -kInfinity;
  static INLINE F32 step(F32 a, F32 x, F32) { return merge(a, x); }
  static INLINE F32 merge(F32 a, F32 b) { return select(less(a, b) | unordered(b), b, a); }
  static INLINE double join(double a, double b) { return a < b || b != b ? b : a; }
};
struct Lowest {
  static constexpr bool kAdds = false;
  static constexpr float kNeutral = kInfinity;
  static INLINE F32 step(F32 a, F32 x, F32) { return merge(a, x); }
  static INLINE F32 merge(F32 a, F32 b) { return select(less(b, a) | unordered(b), b, a); }
  static INLINE double join(double a, double b) { return b < a || b != b ? b : a; }
};

template <class Op>
INLINE double join_lanes(F32 v, double result) {
  if (Op::kAdds) return result + static_cast<double>(sum(v));
  float lanes[kLanes];
  v.store(lanes);
  // In halves, so that neighbors join first.
  for (int half = kLanes / 2; half > 1; half /= 2)
    for (int i = 0; i < half; ++i)
      lanes[i] = static_cast<float>(Op::join(lanes[i], lanes[i + half]));
  return Op::join(result, Op::join(lanes[0], lanes[1]));
}

template <class Op>
double row(const float* x, ptrdiff_t n, double result, float shift) {
  constexpr ptrdiff_t kBlock = 64 * kLanes;
  const F32 neutral = F32::all(Op::kNeutral), s = F32::all(shift);
  for (; n > 0; n -= kBlock, x += kBlock) {
    const ptrdiff_t block = n < kBlock ? n : kBlock;
    F32 part[4] = {neutral, neutral, neutral, neutral};
    ptrdiff_t i = 0;
    for (; i + 4 * kLanes <= block; i += 4 * kLanes)
      for (int k = 0; k < 4; ++k) part[k] = Op::step(part[k], F32::load(x + i + k * kLanes), s);
    for (; i + kLanes <= block; i += kLanes) part[0] = Op::step(part[0], F32::load(x + i), s);
    if (i < block) {
      const int count = static_cast<int>(block - i);
      const F32 next = Op::step(part[1], F32::load_first(x + i, count), s);
      part[1] = select(first_lanes(count), next, part[1]);
    }
    result =
        join_lanes<Op>(Op::merge(Op::merge(part[0], part[1]), Op::merge(part[2], part[3])), result);
  }
  return result;
}

// kVectors vectors of columns over at most 32 rows at a time. `count`: lanes of the only vector.
template <class Op, int kVectors, bool kWhole>
INLINE void column_vectors(const float* x, ptrdiff_t sx, ptrdiff_t rows, int count, double* results,
                           const float* shifts) {
  const auto load = [=](const float* p) {
    return kWhole ? F32::load(p) : F32::load_first(p, count);
  };
  F32 shift[kVectors], part[kVectors];
  for (int v = 0; v < kVectors; ++v)
    shift[v] = shifts == nullptr ? F32::zero() : load(shifts + v * kLanes);
  while (rows > 0) {
    for (F32& p : part) p = F32::all(Op::kNeutral);
    const ptrdiff_t block = rows < 32 ? rows : 32;
    for (ptrdiff_t r = 0; r < block; ++r, x += sx)
      for (int v = 0; v < kVectors; ++v)
        part[v] = Op::step(part[v], load(x + v * kLanes), shift[v]);
    rows -= block;
    for (int v = 0; v < kVectors; ++v) {
      float lanes[kLanes];
      part[v].store(lanes);
      double* to = results + v * kLanes;
      for (int i = 0; i < (kWhole ? kLanes : count); ++i) to[i] = Op::join(to[i], lanes[i]);
    }
  }
}

template <class Op>
void columns(const float* x, ptrdiff_t sx, ptrdiff_t rows, ptrdiff_t width, double* results,
             const float* shifts) {
  ptrdiff_t c = 0;
  const auto at = [&] { return shifts == nullptr ? nullptr : shifts + c; };
#if defined(__AVX2__)
  for (; c + 8 * kLanes <= width; c += 8 * kLanes)
    column_vectors<Op, 8, true>(x + c, sx, rows, 0, results + c, at());
#endif
  for (; c + 4 * kLanes <= width; c += 4 * kLanes)
    column_vectors<Op, 4, true>(x + c, sx, rows, 0, results + c, at());
  for (; c + kLanes <= width; c += kLanes)
    column_vectors<Op, 1, true>(x + c, sx, rows, 0, results + c, at());
  if (c < width)
    column_vectors<Op, 1, false>(x + c, sx, rows, static_cast<int>(width - c), results + c, at());
}

template <class T, class F>
INLINE std::int64_t fold(const void* x, ptrdiff_t n, ptrdiff_t stride, std::int64_t result, F f) {
  const T* from = static_cast<const T*>(x);
  if (stride == 1) {
    for (ptrdiff_t i = 0; i < n; ++i) result = f(result, from[i]);
  } else {
    for (ptrdiff_t i = 0; i < n; ++i) result = f(result, from[i * stride]);
  }
  return result;
}
using I64 = std::int64_t;
using U64 = std::uint64_t;
template <class T>
I64 sum_integers(const void* x, ptrdiff_t n, ptrdiff_t stride, I64 result) {
  return fold<T>(x, n, stride, result, [](I64 a, I64 b) {
    return static_cast<I64>(static_cast<U64>(a) + static_cast<U64>(b));
  });
}
template <class T>
I64 multiply_integers(const void* x, ptrdiff_t n, ptrdiff_t stride, I64 result) {
  return fold<T>(x, n, stride, result, [](I64 a, I64 b) {
    return static_cast<I64>(static_cast<U64>(a) * static_cast<U64>(b));
  });
}
template <class T>
I64 highest_integer(const void* x, ptrdiff_t n, ptrdiff_t stride, I64 result) {
  return fold<T>(x, n, stride, result, [](I64 a, I64 b) { return a < b ? b : a; });
}
template <class T>
I64 lowest_integer(const void* x, ptrdiff_t n, ptrdiff_t stride, I64 result) {
  return fold<T>(x, n, stride, result, [](I64 a, I64 b) { return b < a ? b : a; });
}

}  // namespace

extern const ReduceTable LEVEL_TABLE(reduce_table) = {
    {row<Sum>, row<Product>, row<Highest>, row<Lowest>, row<Exponentials>, row<Squares>},
    {columns<Sum>, columns<Product>, columns<Highest>, columns<Lowest>, columns<Exponentials>,
     columns<Squares>},
    {{sum_integers<std::int32_t>, multiply_integers<std::int32_t>, highest_integer<std::int32_t>,
      lowest_integer<std::int32_t>},
     {sum_integers<I64>, multiply_integers<I64>, highest_integer<I64>, lowest_integer<I64>}},
};

}  // namespace gossamer::kernels
