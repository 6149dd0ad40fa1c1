// Random picks by index: Gather, Scatter, Unique, NonZero.
#include <algorithm>
#include <numeric>

#include "generate/maker.h"
#include "reference/gather.h"
#include "reference/scatter.h"
#include "reference/unique.h"

namespace gossamer::generate {
namespace {

// Any value of such a rank, found or made.
Known anything(Maker& m, int min_rank, int max_rank) {
  const auto fitting = [&](const Known& v) {
    return m.rank(v) >= min_rank && m.rank(v) <= max_rank;
  };
  if (const std::optional<Known> x = m.dice().chance(85) ? m.find(fitting) : std::nullopt)
    return *x;
  const auto rank = static_cast<int>(m.dice().between(min_rank, max_rank));
  return m.fresh(m.dice().chance(70) ? m.float_dtype() : m.integer_dtype(),
                 m.random_shape(rank, 5));
}

DType index_dtype(Maker& m) { return m.dice().chance(70) ? DType::i64 : DType::i32; }

// Positions on an axis of extent n, from the front or from the end.
std::int64_t position(Maker& m, std::int64_t n) {
  return m.dice().chance(25) ? m.dice().between(-n, -1) : m.dice().below(n);
}

Known positions(Maker& m, const Shape& shape, std::int64_t n) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = shape.count(); i > 0; --i) values.push_back(position(m, n));
  return m.ints(index_dtype(m), shape, values);
}

// Coordinates on the first axes of x: [.., k].
Known coordinates(Maker& m, const Shape& lead, const std::vector<std::int64_t>& extents) {
  Shape shape = lead;
  shape.dims().push_back(static_cast<std::int64_t>(extents.size()));
  std::vector<std::int64_t> values;
  for (std::int64_t i = lead.count(); i > 0; --i)
    for (std::int64_t n : extents) values.push_back(position(m, n));
  return m.ints(DType::i64, shape, values);
}

std::optional<Known> computed_positions(Maker& m, std::int64_t n) {
  return m.find([&](const Known& v) {
    const DType d = m.dtype(v);
    return (d == DType::i64 || d == DType::i32) && v.range.exact() && m.rank(v) <= 2 &&
           v.range.low >= static_cast<double>(-n) && v.range.high < static_cast<double>(n);
  });
}

Status gather_nd(Maker& m, const Known& x) {
  GatherAttributes a;
  a.mode = GatherMode::nd;
  const int rank = m.rank(x);
  if (rank >= 2 && m.extent(x, 0) && m.dice().chance(35)) a.batch = 1;
  std::vector<std::int64_t> extents;
  for (std::int64_t k = m.dice().between(1, rank - a.batch); k > 0; --k)
    extents.push_back(m.extent(x, a.batch + static_cast<int>(extents.size())).value_or(kMinSymbol));
  Shape lead = m.random_shape(static_cast<int>(m.dice().between(0, 2)), 4);
  if (a.batch == 1) lead.dims().insert(lead.dims().begin(), *m.extent(x, 0));
  const Known i = coordinates(m, lead, extents);
  ASSIGN(const ValueId y, m.build().one(kGather, a, {x.id, i.id}));
  m.offer(y, x.range);
  return {};
}

// Indices of distinct elements: a permutation of the axis, cut short, the same along all others.
Known distinct_along(Maker& m, const Shape& data, int axis, Shape& shape) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(data[axis]));
  std::iota(order.begin(), order.end(), 0);
  m.dice().shuffle(order);
  shape = data;
  for (int i = 0; i < shape.rank(); ++i) shape[i] = m.dice().between(1, data[i]);
  const std::int64_t inner = shape.count(axis + 1, shape.rank());
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < shape.count(); ++i)
    values.push_back(order[static_cast<std::size_t>(i / inner % shape[axis])]);
  return m.ints(index_dtype(m), shape, values);
}

Range combined(ScatterCombine combine, const Range& x, const Range& u, double ulp) {
  Range r{std::min(x.low, u.low), std::max(x.high, u.high), std::max(x.error, u.error)};
  if (combine == ScatterCombine::add) {
    r = {x.low + std::min(u.low, 0.0), x.high + std::max(u.high, 0.0), x.error + u.error};
    r.error += 4 * ulp * r.magnitude();
  } else if (combine == ScatterCombine::mul) {
    const double top = std::max(x.magnitude() * u.magnitude(), x.magnitude());
    r = {-top, top, x.error * u.magnitude() + u.error * x.magnitude() + x.error};
    r.error += 4 * ulp * top;
  }
  return r;
}

}  // namespace

Status make_gather(Maker& m) {
  const Known x = anything(m, 1, 4);
  const std::int64_t mode = m.dice().below(3);
  if (mode == 2) return gather_nd(m, x);
  GatherAttributes a;
  a.mode = mode == 0 ? GatherMode::take : GatherMode::along;
  a.axis = m.dice().axis(m.rank(x));
  const std::int64_t n = m.extent(x, a.axis).value_or(kMinSymbol);
  std::optional<Known> i;
  if (a.mode == GatherMode::take) {
    if (m.dice().chance(50)) i = computed_positions(m, n);
    if (!i) i = positions(m, m.random_shape(static_cast<int>(m.dice().between(0, 2)), 4), n);
  } else {
    Shape shape;
    for (int d = 0; d < m.rank(x); ++d)
      shape.dims().push_back(m.dice().between(1, m.extent(x, d).value_or(kMinSymbol)));
    shape[a.axis] = m.dice().between(1, 4);
    i = positions(m, shape, n);
  }
  ASSIGN(const ValueId y, m.build().one(kGather, a, {x.id, i->id}));
  m.offer(y, x.range);
  return {};
}

Status make_scatter(Maker& m) {
  const Known x = anything(m, 1, 4);
  const std::optional<Shape> data = m.type(x.id).static_shape();
  if (!data) return {};
  static const std::vector<ScatterCombine> kCombines = {ScatterCombine::none, ScatterCombine::none,
                                                        ScatterCombine::add,  ScatterCombine::mul,
                                                        ScatterCombine::max,  ScatterCombine::min};
  ScatterAttributes a;
  a.combine = m.dice().pick(kCombines);
  if (m.dtype(x) == DType::boolean) a.combine = ScatterCombine::none;
  Known i;
  Shape shape;
  if (m.dice().chance(50)) {
    a.axis = m.dice().axis(data->rank());
    i = distinct_along(m, *data, a.axis, shape);
  } else {  // whole slices of axis 0, each once
    a.mode = ScatterMode::nd;
    std::vector<std::int64_t> order(static_cast<std::size_t>((*data)[0]));
    std::iota(order.begin(), order.end(), 0);
    m.dice().shuffle(order);
    order.resize(static_cast<std::size_t>(m.dice().between(1, (*data)[0])));
    const auto n = static_cast<std::int64_t>(order.size());
    i = m.ints(DType::i64, Shape{n, 1}, order);
    shape = *data;
    shape[0] = n;
  }
  const DType dtype = m.dtype(x);
  const Known u = m.weights(dtype, shape, is_floating(dtype) ? 2 : 5);
  const Range range = combined(a.combine, x.range, u.range, half_ulp(dtype));
  if (!m.allowed(dtype, range)) return {};
  ASSIGN(const ValueId y, m.build().one(kScatter, a, {x.id, i.id, u.id}));
  m.offer(y, range);
  return {};
}

Status make_unique(Maker& m) {
  const Known x = m.exact(1, 3, 3);
  UniqueAttributes a;
  a.sorted = m.dice().chance(60);
  if (m.dice().chance(40)) a.axis = m.dice().axis(m.rank(x));
  ASSIGN(std::vector<ValueId> y, m.build().add(kUnique, a, {x.id}, m.dice().chance(50) ? 4 : 1));
  m.offer(y[0], x.range);
  return {};
}

Status make_non_zero(Maker& m) {
  const Known x = m.exact(1, 4, 4);
  ASSIGN(const ValueId y, m.build().one(kNonZero, NoAttributes{}, {x.id}));
  m.offer(y, {0, static_cast<double>(m.options().max_elements), 0});
  return {};
}

}  // namespace gossamer::generate
