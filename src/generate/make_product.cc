// Random sums of products and windows: MatMul, Conv, ConvTranspose, Pool, Fold.
#include <algorithm>
#include <cmath>

#include "generate/maker.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/fold.h"
#include "reference/matmul.h"
#include "reference/pool.h"

namespace gossamer::generate {
namespace {

// The range of a sum of `terms` products with weights up to `amplitude`.
Range sum_of_products(Maker& m, const Known& x, const Range& w, std::int64_t terms) {
  const auto n = static_cast<double>(terms);
  const double top = n * x.range.magnitude() * w.magnitude();
  Range r{-top, top, 0};
  r.error = n * (x.range.error * w.magnitude() + w.error * x.range.magnitude()) +
            4 * half_ulp(m.dtype(x)) * top * (1 + std::log2(n + 1) / 4);
  return r;
}

// What weights may be so that such a sum stays small.
double amplitude_for(const Known& x, std::int64_t terms) {
  const double top = std::max(0.125, x.range.magnitude() * static_cast<double>(terms));
  return std::min(1.0, std::exp2(std::floor(std::log2(16 / top))));
}

// x[N,C,spatial..] whose channels and spatial extents are numbers.
Result<Known> planes(Maker& m) {
  ASSIGN(Known x, m.floats(3, 4, 1, 8));
  return x;
}

struct Windows {
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  AutoPad auto_pad = AutoPad::none;
};

// Windows over some axes of x, all of which are numbers. Some lists stay empty: the defaults.
Windows random_windows(Maker& m, const Known& x, const std::vector<int>& axes, bool auto_pad) {
  Windows w;
  Dice& dice = m.dice();
  const bool dilated = dice.chance(25), strided = dice.chance(50), padded = dice.chance(60);
  std::vector<std::int64_t> afters;
  for (int axis : axes) {
    const std::int64_t n = *m.extent(x, axis);
    const std::int64_t kernel = dice.between(1, std::min<std::int64_t>(3, n));
    w.kernel.push_back(kernel);
    const bool room = (kernel - 1) * 2 + 1 <= n;
    w.dilations.push_back(dilated && room ? 2 : 1);
    w.strides.push_back(strided ? dice.between(1, 2) : 1);
    w.pads.push_back(dice.between(0, kernel - 1));
    afters.push_back(dice.between(0, kernel - 1));
  }
  w.pads.insert(w.pads.end(), afters.begin(), afters.end());
  if (!dilated) w.dilations.clear();
  if (!strided) w.strides.clear();
  if (!padded) w.pads.clear();
  if (!padded && !dilated && auto_pad && dice.chance(30))
    w.auto_pad = dice.chance(50) ? AutoPad::same_upper : AutoPad::same_lower;
  return w;
}

std::vector<int> spatial_axes(Maker& m, const Known& x) {
  std::vector<int> axes;
  for (int i = 2; i < m.rank(x); ++i) axes.push_back(i);
  return axes;
}

std::int64_t count(const std::vector<std::int64_t>& extents) {
  std::int64_t n = 1;
  for (std::int64_t d : extents) n *= d;
  return n;
}

Status offer_sum(Maker& m, ValueId y, const Range& range) {
  if (range.error <= m.max_error()) m.offer(y, range);
  return {};
}

bool may_be(Maker& m, DType dtype) {
  const auto& allowed = m.options().dtypes;
  return allowed.empty() || std::find(allowed.begin(), allowed.end(), dtype) != allowed.end();
}

bool has_bytes(Maker& m) {
  return may_be(m, DType::u8) && may_be(m, DType::i8) && may_be(m, DType::i32);
}

// The shape of matrices behind batch axes of their own: as x has them, of one element, or left out.
Shape broadcast_batch(Maker& m, const Known& x, const Shape& matrix) {
  Shape shape = matrix;
  const int rank = m.rank(x);
  for (int axis = rank - 3; axis >= 0; --axis) {
    if (m.dice().chance(20)) break;
    const std::optional<std::int64_t> n = m.extent(x, axis);
    const std::int64_t own = n == 1 ? m.dice().between(1, 3) : n.value_or(1);
    shape.dims().insert(shape.dims().begin(), m.dice().chance(50) ? own : 1);
  }
  return shape;
}

// Products of 8-bit integers, with zero points: i32.
Status make_integer_matmul(Maker& m) {
  const auto random_byte = [&] { return m.dice().chance(50) ? DType::u8 : DType::i8; };
  const DType ta = random_byte(), tb = random_byte();
  const auto rows = m.dice().between(1, 4), depth = m.dice().between(1, 6),
             columns = m.dice().between(1, 4);
  const Known a = m.fresh(ta, Shape{rows, depth}), b = m.weights(tb, Shape{depth, columns}, 9);
  std::vector<ValueId> operands{a.id, b.id};
  if (m.dice().chance(60)) operands.push_back(m.weights(ta, Shape{}, 5).id);
  if (operands.size() == 3 && m.dice().chance(60))
    operands.push_back(m.weights(tb, m.dice().chance(50) ? Shape{} : Shape{columns}, 5).id);
  ASSIGN(const ValueId y, m.build().one(kMatMul, MatMulAttributes{}, operands));
  m.offer(y, {-6.0 * 30 * 30, 6.0 * 30 * 30, 0});
  return {};
}

// Convolutions of 8-bit integers, with a zero point of the input and often of the weights.
Status make_integer_conv(Maker& m) {
  Dice& dice = m.dice();
  const DType ta = dice.chance(60) ? DType::u8 : DType::i8;
  const DType tb = dice.chance(40) ? DType::u8 : DType::i8;
  const std::int64_t channels = dice.between(1, 4);
  Shape planes{dice.between(1, 2), channels};
  for (std::int64_t i = dice.between(1, 2); i > 0; --i) planes.dims().push_back(dice.between(1, 5));
  const Known x = m.fresh(ta, planes);
  const Windows w = random_windows(m, x, spatial_axes(m, x), true);
  ConvAttributes a;
  a.strides = w.strides, a.dilations = w.dilations, a.pads = w.pads, a.auto_pad = w.auto_pad;
  if (dice.chance(30)) a.group = channels;
  Shape shape{a.group * dice.between(1, 2), channels / a.group};
  shape.dims().insert(shape.dims().end(), w.kernel.begin(), w.kernel.end());
  std::vector<ValueId> operands{x.id, m.weights(tb, shape, 9).id};
  operands.push_back(m.weights(ta, Shape{}, 5).id);
  if (dice.chance(50)) operands.push_back(m.weights(tb, Shape{}, 5).id);
  ASSIGN(const ValueId y, m.build().one(kConv, a, operands));
  const double top = static_cast<double>(shape[1] * count(w.kernel)) * 300 * 20;
  m.offer(y, {-top, top, 0});
  return {};
}

}  // namespace

Status make_matmul(Maker& m) {
  if (m.dice().chance(15) && has_bytes(m)) return make_integer_matmul(m);
  ASSIGN(const Known x, m.floats(1, 4, 1, 16));
  const int rank = m.rank(x);
  MatMulAttributes a;
  a.trans_a = rank >= 2 && m.dice().chance(20) && m.extent(x, rank - 2);
  const std::optional<std::int64_t> depth = m.extent(x, a.trans_a ? rank - 2 : rank - 1);
  if (!depth) return {};
  const auto other_fits = [&](const Known& v) {
    return m.dtype(v) == m.dtype(x) && m.rank(v) == 2 && m.extent(v, 0) == depth &&
           v.range.error <= m.max_error() / 4;
  };
  std::optional<Known> w = m.dice().chance(40) ? m.find(other_fits) : std::nullopt;
  if (!w) {
    Shape shape{*depth, m.dice().between(1, 6)};
    a.trans_b = m.dice().chance(25);
    if (a.trans_b) std::swap(shape[0], shape[1]);
    if (!a.trans_b && m.dice().chance(15)) shape = Shape{*depth};
    if (shape.rank() == 2 && rank == 2 && m.dice().chance(20))
      shape.dims().insert(shape.dims().begin(), m.dice().between(1, 3));
    if (shape.rank() == 2 && rank >= 3 && m.dice().chance(40)) shape = broadcast_batch(m, x, shape);
    w = m.weights(m.dtype(x), shape, amplitude_for(x, *depth));
  }
  const Range range = sum_of_products(m, x, w->range, *depth);
  if (!m.allowed(m.dtype(x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kMatMul, a, {x.id, w->id}));
  return offer_sum(m, y, range);
}

Status make_conv(Maker& m) {
  if (m.dice().chance(20) && has_bytes(m)) return make_integer_conv(m);
  ASSIGN(const Known x, planes(m));
  const std::int64_t channels = *m.extent(x, 1);
  const Windows w = random_windows(m, x, spatial_axes(m, x), true);
  ConvAttributes a;
  a.strides = w.strides, a.dilations = w.dilations, a.pads = w.pads, a.auto_pad = w.auto_pad;
  if (m.dice().chance(40)) a.group = channels % 2 == 0 && m.dice().chance(50) ? 2 : channels;
  Shape shape{a.group * m.dice().between(1, 3), channels / a.group};
  shape.dims().insert(shape.dims().end(), w.kernel.begin(), w.kernel.end());
  const std::int64_t terms = shape[1] * count(w.kernel);
  const Known weight = m.weights(m.dtype(x), shape, amplitude_for(x, terms));
  const Range range = sum_of_products(m, x, weight.range, terms);
  if (!m.allowed(m.dtype(x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kConv, a, {x.id, weight.id}));
  return offer_sum(m, y, range);
}

Status make_conv_transpose(Maker& m) {
  ASSIGN(const Known x, planes(m));
  const std::int64_t channels = *m.extent(x, 1);
  const std::vector<int> axes = spatial_axes(m, x);
  ConvTransposeAttributes a;
  Dice& dice = m.dice();
  std::vector<std::int64_t> kernel, befores, afters;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    kernel.push_back(dice.between(2, 3));
    a.strides.push_back(dice.between(1, 2));
    a.dilations.push_back(dice.chance(20) ? 2 : 1);
    a.output_padding.push_back(a.strides.back() > 1 && dice.chance(30) ? 1 : 0);
    befores.push_back(dice.between(0, 1));
    afters.push_back(dice.between(0, 1));
    // What is left after cropping is not empty.
    if (*m.extent(x, axes[i]) == 1 && kernel.back() == 2) befores.back() = 0;
  }
  a.pads = befores;
  a.pads.insert(a.pads.end(), afters.begin(), afters.end());
  if (dice.chance(30)) a.pads.clear();
  if (dice.chance(40)) a.group = channels % 2 == 0 && dice.chance(50) ? 2 : channels;
  Shape shape{channels, dice.between(1, 3)};
  shape.dims().insert(shape.dims().end(), kernel.begin(), kernel.end());
  const std::int64_t terms = channels / a.group * count(kernel);
  const Known weight = m.weights(m.dtype(x), shape, amplitude_for(x, terms));
  const Range range = sum_of_products(m, x, weight.range, terms);
  if (!m.allowed(m.dtype(x), range)) return {};
  ASSIGN(const ValueId y, m.build().one(kConvTranspose, a, {x.id, weight.id}));
  return offer_sum(m, y, range);
}

Status make_pool(Maker& m) {
  ASSIGN(const Known x, planes(m));
  const Windows w = random_windows(m, x, spatial_axes(m, x), true);
  PoolAttributes a;
  static const std::vector<PoolOp> kOps = {PoolOp::max, PoolOp::max, PoolOp::mean, PoolOp::lp};
  a.op = m.dice().pick(kOps);
  a.axes = spatial_axes(m, x);
  a.kernel = w.kernel, a.strides = w.strides, a.pads = w.pads, a.auto_pad = w.auto_pad;
  if (a.op == PoolOp::max) a.dilations = w.dilations;
  a.ceil = a.auto_pad == AutoPad::none && m.dice().chance(25);
  a.count_pad = a.op == PoolOp::mean && m.dice().chance(40);
  a.p = m.dice().chance(30) ? 1 : 2;
  const auto taps = static_cast<double>(count(w.kernel));
  Range range = x.range;
  if (a.op == PoolOp::mean) {
    range = {std::min(0.0, range.low), std::max(0.0, range.high),
             range.error + 8 * half_ulp(m.dtype(x)) * range.magnitude()};
  } else if (a.op == PoolOp::lp) {
    // The root of a sum near 0 would amplify errors.
    if (a.p != 1 && !x.range.exact()) a.p = 1;
    const double top = taps * range.magnitude();
    range = {0, top, taps * range.error + 16 * half_ulp(m.dtype(x)) * top};
  }
  if (!m.allowed(m.dtype(x), range)) return {};
  const bool index = a.op == PoolOp::max && x.range.exact() && m.dice().chance(30);
  if (index) a.column_major = m.dice().chance(30);
  ASSIGN(std::vector<ValueId> y, m.build().add(kPool, a, {x.id}, index ? 2 : 1));
  m.offer(y[0], range);
  if (index) m.offer(y[1], {0, static_cast<double>(m.options().max_elements), 0});
  return {};
}

Status make_fold(Maker& m) {
  FoldAttributes a;
  std::int64_t windows = 1;
  Dice& dice = m.dice();
  const std::int64_t axes = dice.between(1, 2);
  for (std::int64_t i = 0; i < axes; ++i) {
    const std::int64_t kernel = dice.between(1, 3), extent = kernel + dice.between(0, 3);
    const std::int64_t stride = dice.between(1, 2);
    a.kernel.push_back(kernel);
    a.extents.push_back(extent);
    a.strides.push_back(stride);
    windows *= (extent - kernel) / stride + 1;
  }
  const std::int64_t taps = count(a.kernel);
  const std::int64_t batch = dice.between(1, 2), channels = dice.between(1, 3);
  const Known x = m.fresh(m.float_dtype(), Shape{batch, channels, taps, windows});
  ASSIGN(const ValueId y, m.build().one(kFold, a, {x.id}));
  const double top = x.range.magnitude() * static_cast<double>(taps);
  m.offer(y, {-top, top, 4 * half_ulp(m.dtype(x)) * top});
  return {};
}

}  // namespace gossamer::generate
