// Attention's leaf code: a row of products to weights, and products of single queries.
#include "kernels/attention/attention_table.h"
#include "kernels/level.h"
#include "kernels/vector_math.h"

namespace gossamer::kernels {
namespace {

constexpr int kLanes = F32::kLanes;
constexpr std::int64_t kUnit = 16;  // rows have room up to a multiple of it

// The larger; a NaN in either comes through.
INLINE F32 larger(F32 a, F32 b) { return select(unordered(b), b, max_raw(b, a)); }
INLINE float larger_of(F32 a) {
  float x[kLanes], top = -kInfinity;
  a.store(x);
  for (int i = 0; i < kLanes; ++i) top = x[i] > top || x[i] != x[i] ? x[i] : top;
  return top;
}
INLINE F32 exp_of(F32 x) {
  return select(less(x, F32::all(-87.3F)), F32::zero(), exp_below_zero(x));
}
INLINE float exp1(float x) {
  float e[kLanes];
  exp_of(F32::all(x)).store(e);
  return e[0];
}

// Scaled, capped and biased scores [begin, end); gives the largest.
template <bool kCap>
INLINE F32 score(const ScoreRow& r, std::int64_t begin, std::int64_t end) {
  const F32 scale = F32::all(r.scale), closed = F32::all(-kInfinity);
  const F32 cap = F32::all(r.softcap);
  F32 top = closed;
  for (std::int64_t j = begin; j < end; j += kLanes) {
    F32 v = F32::load(r.scores + j) * scale;
    if (kCap) v = cap * tanh(v / cap);
    if (r.bias) {
      const F32 bias = F32::load(r.bias + j);
      v = select(equal(bias, closed), closed, v + bias);
    }
    v.store(r.scores + j);
    top = larger(top, v);
  }
  return top;
}

float weigh(const ScoreRow& r) {
  const std::int64_t begin = r.lo / kUnit * kUnit, end = (r.hi + kUnit - 1) / kUnit * kUnit;
  if (r.lo >= r.hi) {
    for (std::int64_t j = 0; j < r.keys; ++j) r.scores[j] = 0;
    return 1;
  }
  F32 tops = r.softcap > 0 ? score<true>(r, begin, end) : score<false>(r, begin, end);
  if (begin < r.lo || r.hi < end) {
    for (std::int64_t j = begin; j < r.lo; ++j) r.scores[j] = -kInfinity;
    for (std::int64_t j = r.hi; j < end; ++j) r.scores[j] = -kInfinity;
    tops = F32::all(-kInfinity);
    for (std::int64_t j = begin; j < end; j += kLanes) tops = larger(tops, F32::load(r.scores + j));
  }
  const float old = *r.top, found = larger_of(tops);
  const float top = found > old || found != found ? found : old;
  for (std::int64_t j = 0; j < begin; ++j) r.scores[j] = 0;
  for (std::int64_t j = end; j < r.keys; ++j) r.scores[j] = 0;
  if (top == -kInfinity) {
    for (std::int64_t j = begin; j < end; ++j) r.scores[j] = 0;
    return 1;
  }
  const F32 shift = F32::all(top);
  F32 sums = F32::zero();
  for (std::int64_t j = begin; j < end; j += kLanes) {
    const F32 e = exp_of(F32::load(r.scores + j) - shift);
    e.store(r.scores + j);
    sums = sums + e;
  }
  const float factor = old == -kInfinity ? 0 : old == top ? 1 : exp1(old - top);
  *r.sum = *r.sum * factor + sum(sums);
  *r.top = top;
  return factor;
}

void multiply(float* row, float factor, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) row[i] *= factor;
}
void divide(const float* row, float by, float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = row[i] / by;
}

// K dot products with one query.
template <int K>
INLINE void dots_of(const float* q, const float* k, std::int64_t stride, std::int64_t depth,
                    float* out) {
  F32 part[K];
  for (int j = 0; j < K; ++j) part[j] = F32::zero();
  std::int64_t i = 0;
  for (; i + kLanes <= depth; i += kLanes) {
    const F32 x = F32::load(q + i);
    for (int j = 0; j < K; ++j) part[j] = fma(x, F32::load(k + j * stride + i), part[j]);
  }
  if (const int rest = static_cast<int>(depth - i); rest > 0) {
    const F32 x = F32::load_first(q + i, rest);
    for (int j = 0; j < K; ++j)
      part[j] = fma(x, F32::load_first(k + j * stride + i, rest), part[j]);
  }
  for (int j = 0; j < K; ++j) out[j] = sum(part[j]);
}

void dots(const float* q, const float* k, std::int64_t stride, std::int64_t depth,
          std::int64_t count, float* out) {
  std::int64_t j = 0;
  for (; j + 8 <= count; j += 8) dots_of<8>(q, k + j * stride, stride, depth, out + j);
  for (; j < count; ++j) dots_of<1>(q, k + j * stride, stride, depth, out + j);
}

}  // namespace

extern const AttentionTable LEVEL_TABLE(attention_table);
const AttentionTable LEVEL_TABLE(attention_table) = {weigh, multiply, divide, dots};

}  // namespace gossamer::kernels
