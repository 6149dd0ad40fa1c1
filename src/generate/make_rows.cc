// Random operations on rows: Reduce, Softmax, Normalize, Cumulate, ArgReduce, TopK, Det.
#include <algorithm>
#include <cmath>

#include "generate/maker.h"
#include "reference/arg_reduce.h"
#include "reference/cumulate.h"
#include "reference/det.h"
#include "reference/normalize.h"
#include "reference/reduce.h"
#include "reference/softmax.h"
#include "reference/top_k.h"

namespace gossamer::generate {
namespace {

// Extents along axes, where symbols stand for their most.
std::int64_t elements_along(Maker& m, const Known& x, const std::vector<int>& axes) {
  const std::optional<Shape> shape = m.largest(m.type(x.id));
  std::int64_t n = 1;
  for (int axis : axes) n *= shape ? (*shape)[axis] : 1;
  return n;
}

Range reduced(Maker& m, ReduceOp op, const Known& x, std::int64_t elements) {
  const auto n = static_cast<double>(elements);
  const double ulp = half_ulp(m.dtype(x)), top = x.range.magnitude();
  Range r = x.range;
  switch (op) {
    case ReduceOp::max:
    case ReduceOp::min:
      break;
    case ReduceOp::sum:
      r = {-n * top, n * top, n * x.range.error + 4 * ulp * n * top};
      break;
    case ReduceOp::mean:
      r.error += 8 * ulp * top;
      break;
    case ReduceOp::prod: {
      const double most = std::pow(std::max(top, 1.0), n);
      r = {-most, most, n * most * (x.range.error + 4 * ulp)};
      break;
    }
    case ReduceOp::logsumexp:
      r = {r.low, r.high + std::log(n) + 1, r.error + 16 * ulp * (top + std::log(n) + 1)};
      break;
  }
  return r;
}

}  // namespace

Status make_reduce(Maker& m) {
  static const std::vector<ReduceOp> kOps = {ReduceOp::sum, ReduceOp::mean, ReduceOp::prod,
                                             ReduceOp::max, ReduceOp::min,  ReduceOp::logsumexp};
  ReduceAttributes a;
  a.op = m.dice().pick(kOps);
  a.keep = m.dice().chance(50);
  std::optional<Known> x;
  if (m.dice().chance(25)) {  // integers
    x = m.find([&](const Known& v) { return is_arithmetic_integer(m.dtype(v)); });
    if (x && (a.op == ReduceOp::mean || a.op == ReduceOp::logsumexp)) a.op = ReduceOp::sum;
  }
  if (!x) {
    ASSIGN(x, m.floats(1, 5, 5, a.op == ReduceOp::prod ? 1 : 64));
  }
  a.axes = m.random_axes(m.rank(*x), false);
  if (a.axes.empty()) return {};
  const Range range = reduced(m, a.op, *x, elements_along(m, *x, a.axes));
  if (!m.allowed(m.dtype(*x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kReduce, a, {x->id}));
  m.offer(y, range);
  return {};
}

Status make_softmax(Maker& m) {
  ASSIGN(const Known x, m.floats(1, 4, 4, 16));
  SoftmaxAttributes a;
  a.axis = m.dice().axis(m.rank(x));
  a.log = m.dice().chance(35);
  const double ulp = half_ulp(m.dtype(x));
  const auto n = static_cast<double>(elements_along(m, x, {a.axis}));
  Range range{0, 1, 2 * x.range.error + 32 * ulp};
  if (a.log) range = {-2 * x.range.magnitude() - std::log(n) - 1, 0, 2 * x.range.error + 128 * ulp};
  if (!m.allowed(m.dtype(x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kSoftmax, a, {x.id}));
  m.offer(y, range);
  return {};
}

Status make_normalize(Maker& m) {
  ASSIGN(const Known x, m.floats(2, 4, 1, 8));
  const int rank = m.rank(x);
  NormalizeAttributes a;
  a.center = m.dice().chance(75);
  a.epsilon = 0.125F;  // a row of equal elements does not amplify what differs
  const bool grouped = rank >= 3 && m.dice().chance(35);
  Shape scale{*m.extent(x, rank - 1)};
  if (grouped) {
    const std::int64_t channels = *m.extent(x, 1);
    a.groups = channels % 2 == 0 && m.dice().chance(60) ? 2 : 1;
    a.center = true;
    scale = Shape{channels};
    for (int i = 2; i < rank; ++i) scale.dims().push_back(1);
  } else {
    for (int i = static_cast<int>(m.dice().between(1, rank - 1)); i < rank; ++i)
      a.axes.push_back(i);
  }
  if (m.dtype(x) == DType::f64) a.acc = DType::f64;
  std::vector<ValueId> operands{x.id};
  if (m.dice().chance(70)) operands.push_back(m.weights(m.dtype(x), scale, 1).id);
  if (operands.size() > 1 && a.center && m.dice().chance(60))
    operands.push_back(m.weights(m.dtype(x), scale, 1).id);
  const double top = x.range.magnitude() / std::sqrt(0.125) * 2 + 1;
  const double ulp = half_ulp(m.dtype(x));
  const Range range{-top, top, 12 * x.range.error + 32 * ulp * top};
  if (!m.allowed(m.dtype(x), range)) return {};
  const bool statistics = !grouped && m.dtype(x) == DType::f32 && a.center && m.dice().chance(25);
  ASSIGN(std::vector<ValueId> y, m.build().add(kNormalize, a, operands, statistics ? 3 : 1));
  m.offer(y[0], range);
  return {};
}

Status make_cumulate(Maker& m) {
  CumulateAttributes a;
  a.op = m.dice().chance(75) ? CumulateOp::sum : CumulateOp::prod;
  std::optional<Known> x;
  if (m.dice().chance(30))
    x = m.find([&](const Known& v) { return is_arithmetic_integer(m.dtype(v)) && m.rank(v) > 0; });
  if (!x) {
    ASSIGN(x, m.floats(1, 4, 4, a.op == CumulateOp::prod ? 1 : 32));
  }
  a.axis = m.dice().axis(m.rank(*x));
  a.exclusive = m.dice().chance(40);
  a.reverse = m.dice().chance(40);
  const ReduceOp like = a.op == CumulateOp::sum ? ReduceOp::sum : ReduceOp::prod;
  Range range = reduced(m, like, *x, elements_along(m, *x, {a.axis}));
  range.low = std::min(range.low, 0.0);
  range.high = std::max(range.high, 1.0);
  if (!m.allowed(m.dtype(*x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kCumulate, a, {x->id}));
  m.offer(y, range);
  return {};
}

Status make_arg_reduce(Maker& m) {
  const Known x = m.exact(1, 4, 4);
  ArgReduceAttributes a;
  a.op = m.dice().chance(50) ? ArgReduceOp::max : ArgReduceOp::min;
  a.axis = m.dice().axis(m.rank(x));
  a.keep = m.dice().chance(50);
  a.last = m.dice().chance(30);
  ASSIGN(const ValueId y, m.build().one(kArgReduce, a, {x.id}));
  m.offer(y, {0, static_cast<double>(elements_along(m, x, {a.axis})), 0});
  return {};
}

Status make_top_k(Maker& m) {
  const Known x = m.exact(1, 4, 4);
  TopKAttributes a;
  a.axis = m.dice().axis(m.rank(x));
  a.largest = m.dice().chance(60);
  const std::int64_t n = m.extent(x, a.axis).value_or(kMinSymbol);
  const Known k = m.ints(DType::i64, Shape{1}, {m.dice().between(1, n)});
  ASSIGN(std::vector<ValueId> y, m.build().add(kTopK, a, {x.id, k.id}, 2));
  m.offer(y[0], x.range);
  m.offer(y[1], {0, static_cast<double>(elements_along(m, x, {a.axis})), 0});
  return {};
}

Status make_det(Maker& m) {
  const std::int64_t n = m.dice().between(1, 3);
  Shape shape{n, n};
  if (m.dice().chance(50)) shape.dims().insert(shape.dims().begin(), m.dice().between(1, 3));
  const DType dtype = m.float_dtype() == DType::f64 ? DType::f64 : DType::f32;
  const auto& allowed = m.options().dtypes;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), dtype) == allowed.end())
    return make_reduce(m);
  const Known x = m.fresh(dtype, shape);
  ASSIGN(const ValueId y, m.build().one(kDet, DetAttributes{}, {x.id}));
  m.offer(y, {-48, 48, 256 * half_ulp(dtype)});
  return {};
}

}  // namespace gossamer::generate
