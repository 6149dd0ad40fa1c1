// Terms: which instructions may be applied to a value of a range, and what comes out.
#include "generate/terms.h"

#include <algorithm>
#include <cmath>

namespace gossamer::generate {
namespace {

using enum PointwiseOp;

// A float function on the interval where it is well conditioned: monotonic, or (bounded) with a
// range of its own; `slope` bounds its derivative there.
struct FloatFunction {
  PointwiseOp op;
  double low, high;
  double slope;
  double (*value)(double);
  Range bounded;  // of what is not monotonic
};

constexpr double kFar = kMaxMagnitude;
double identity(double x) { return x; }

const FloatFunction kFunctions[] = {
    {recip, 0.125, kFar, 64, [](double x) { return 1 / x; }, {}},
    {sqrt, 0.0625, kFar, 2, [](double x) { return std::sqrt(x); }, {}},
    {rsqrt, 0.125, kFar, 12, [](double x) { return 1 / std::sqrt(x); }, {}},
    {exp, -kFar, 4, 55, [](double x) { return std::exp(x); }, {}},
    {expm1, -kFar, 4, 55, [](double x) { return std::expm1(x); }, {}},
    {log, 0.0625, kFar, 16, [](double x) { return std::log(x); }, {}},
    {log1p, -0.75, kFar, 4, [](double x) { return std::log1p(x); }, {}},
    {sin, -kFar, kFar, 1, nullptr, {-1, 1}},
    {cos, -kFar, kFar, 1, nullptr, {-1, 1}},
    {tan, -1, 1, 4, [](double x) { return std::tan(x); }, {}},
    {asin, -0.9, 0.9, 2.5, [](double x) { return std::asin(x); }, {}},
    {acos, -0.9, 0.9, 2.5, [](double x) { return std::acos(x); }, {}},
    {atan, -kFar, kFar, 1, [](double x) { return std::atan(x); }, {}},
    {sinh, -4, 4, 28, [](double x) { return std::sinh(x); }, {}},
    {cosh, -4, 4, 28, nullptr, {1, 28}},
    {tanh, -kFar, kFar, 1, [](double x) { return std::tanh(x); }, {}},
    {asinh, -kFar, kFar, 1, [](double x) { return std::asinh(x); }, {}},
    {acosh, 1.125, kFar, 2, [](double x) { return std::acosh(x); }, {}},
    {atanh, -0.9, 0.9, 6, [](double x) { return std::atanh(x); }, {}},
    {erf, -kFar, kFar, 1.2, [](double x) { return std::erf(x); }, {}},
    {sigmoid, -kFar, kFar, 0.25, nullptr, {0, 1}},
    {neg, -kFar, kFar, 1, [](double x) { return -x; }, {}},
    {abs, -kFar, kFar, 1, nullptr, {0, kFar}},
    {PointwiseOp::floor, -kFar, kFar, 0, identity, {}},
    {PointwiseOp::ceil, -kFar, kFar, 0, identity, {}},
    {rint, -kFar, kFar, 0, identity, {}},
    {trunc, -kFar, kFar, 0, identity, {}},
    {sign, -kFar, kFar, 0, nullptr, {-1, 1}},
};

Range corners(const Range& a, const Range& b, double (*f)(double, double)) {
  const double all[] = {f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)};
  return {*std::min_element(std::begin(all), std::end(all)),
          *std::max_element(std::begin(all), std::end(all)), 0};
}

}  // namespace

const Term& Terms::draw() { return m_.dice().pick(terms_); }

Term Terms::partner(const Term& a) {
  std::vector<Term> same;
  for (const Term& t : terms_)
    if (dtype(t) == dtype(a)) same.push_back(t);
  if (m_.dice().chance(60)) return m_.dice().pick(same);
  if (dtype(a) == DType::boolean) {
    const auto v = m_.dice().below(2);
    return {e_.integer(DType::boolean, v), {static_cast<double>(v), static_cast<double>(v), 0}};
  }
  const bool negative = is_float(a) || is_signed_integer(dtype(a));
  double v = is_float(a) ? m_.dice().grid() : static_cast<double>(m_.dice().between(1, 9));
  if (negative && !is_float(a) && m_.dice().chance(30)) v = -v;
  if (v == 0) v = 1;
  return {e_.constant(dtype(a), v), {v, v, 0}};
}

void Terms::keep(Ref ref, const Range& range) {
  if (ref.kind != Ref::Kind::result) return;
  terms_.push_back({ref, range});
  ++made_;
}

void Terms::try_one() {
  if (m_.dice().chance(4)) return position();
  const Term a = draw();
  const std::int64_t kind = m_.dice().below(100);
  if (kind < 12) return compare(a);
  if (kind < 24) return convert(a);
  if (kind < 28) return quantize(a);
  if (dtype(a) == DType::boolean || (!is_float(a) && kind < 45)) return logic(a);
  if (kind < 62) return unary(a);
  return binary(a);
}

void Terms::unary(const Term& a) {
  if (is_float(a)) return float_unary(a);
  if (!is_arithmetic_integer(dtype(a))) return;
  const std::int64_t which = m_.dice().below(3);
  Range r{-a.range.high, -a.range.low, 0};
  if (which == 0 && room(dtype(a), r)) return keep(e_.neg(a.ref), r);
  const double top = a.range.magnitude();
  if (which == 1 && room(dtype(a), {0, top, 0})) return keep(e_.abs(a.ref), {0, top, 0});
  keep(e_.sign(a.ref), {a.range.low < 0 ? -1.0 : 0.0, 1, 0});
}

void Terms::float_unary(const Term& a) {
  const auto& f = kFunctions[m_.dice().below(static_cast<std::int64_t>(std::size(kFunctions)))];
  if (a.range.low < f.low || a.range.high > f.high) return;
  if (f.slope == 0 && !a.range.exact()) return;
  Range r = f.bounded;
  if (f.op == abs) r.high = a.range.magnitude();
  if (f.value) {
    const double at_low = f.value(a.range.low), at_high = f.value(a.range.high);
    r = {std::min(at_low, at_high), std::max(at_low, at_high), 0};
    if (f.value == identity) r = {std::floor(r.low), std::ceil(r.high), 0};
  }
  const bool rounds = f.op != neg && f.op != abs && f.slope != 0;
  r.error = f.slope * a.range.error + (rounds ? 8 * half_ulp(dtype(a)) * r.magnitude() : 0);
  if (room(dtype(a), r)) keep(e_.unary(f.op, a.ref), r);
}

void Terms::binary(const Term& a) {
  if (is_float(a)) return float_binary(a);
  if (is_arithmetic_integer(dtype(a))) integer_binary(a);
}

void Terms::float_binary(const Term& a) {
  static const std::vector<PointwiseOp> kOps = {add, sub, mul, div, min, max,
                                                pow, mod, rem, add, mul};
  const PointwiseOp op = m_.dice().pick(kOps);
  const Term b = partner(a);
  const Range &x = a.range, &y = b.range;
  Range r;
  double slope_a = 1, slope_b = 1;
  bool rounds = true;
  if (op == add) {
    r = {x.low + y.low, x.high + y.high, 0};
  } else if (op == sub) {
    r = {x.low - y.high, x.high - y.low, 0};
  } else if (op == mul) {
    r = corners(x, y, [](double p, double q) { return p * q; });
    slope_a = y.magnitude(), slope_b = x.magnitude();
  } else if (op == div) {
    const double least = std::min(std::abs(y.low), std::abs(y.high));
    if (y.low * y.high <= 0 || least < 0.125) return;
    r = corners(x, y, [](double p, double q) { return p / q; });
    slope_a = 1 / least, slope_b = x.magnitude() / (least * least);
  } else if (op == min || op == max) {
    const bool less = op == min;
    r = less ? Range{std::min(x.low, y.low), std::min(x.high, y.high), 0}
             : Range{std::max(x.low, y.low), std::max(x.high, y.high), 0};
    rounds = false;
  } else if (op == pow) {
    if (x.low < 0.125 || x.high > 4 || y.magnitude() > 2) return;
    r = corners(x, y, [](double p, double q) { return std::pow(p, q); });
    r.low = std::min(r.low, 1.0), r.high = std::max(r.high, 1.0);
    slope_a = 16 * y.magnitude() + 1, slope_b = 4 * r.magnitude();
  } else {  // mod, rem: a step where a is a multiple of b
    if (!x.exact() || !y.exact() || y.low * y.high <= 0 || y.low != y.high) return;
    const double top = y.magnitude();
    r = op == mod ? Range{std::min(y.low, 0.0), std::max(y.low, 0.0), 0} : Range{-top, top, 0};
    rounds = false;
  }
  r.error = slope_a * x.error + slope_b * y.error +
            (rounds ? 4 * half_ulp(dtype(a)) * std::max(r.magnitude(), 1e-3) : 0);
  if (room(dtype(a), r)) keep(e_.binary(op, a.ref, b.ref), r);
}

void Terms::integer_binary(const Term& a) {
  static const std::vector<PointwiseOp> kOps = {add, sub, mul, div, min, max,
                                                mod, rem, pow, shl, shr, add};
  const PointwiseOp op = m_.dice().pick(kOps);
  Term b = partner(a);
  const Range x = a.range;
  if (op == pow || op == shl || op == shr) {  // by a small constant
    const auto n = m_.dice().between(0, 3);
    b = {e_.integer(dtype(a), n), {static_cast<double>(n), static_cast<double>(n), 0}};
  }
  const Range& y = b.range;
  const double n = y.low, top = std::max(x.magnitude(), y.magnitude());
  Range r;
  if (op == add) {
    r = {x.low + y.low, x.high + y.high, 0};
  } else if (op == sub) {
    r = {x.low - y.high, x.high - y.low, 0};
  } else if (op == mul) {
    r = corners(x, y, [](double p, double q) { return p * q; });
  } else if (op == min || op == max) {
    r = {std::min(x.low, y.low), std::max(x.high, y.high), 0};
  } else if (op == pow || op == shl) {
    const double most = op == pow ? std::pow(x.magnitude(), n) : x.magnitude() * std::exp2(n);
    r = {x.low < 0 ? -most : 0, std::max(most, 1.0), 0};
  } else if (op == shr) {
    r = {x.low < 0 ? x.low : 0, std::max(x.high, 0.0), 0};
  } else {  // div, mod, rem
    if (y.low * y.high <= 0) return;
    r = {is_signed_integer(dtype(a)) ? -top : 0, top, 0};
  }
  if (room(dtype(a), r)) keep(e_.binary(op, a.ref, b.ref), r);
}

void Terms::logic(const Term& a) {
  if (is_float(a)) return;
  const std::int64_t which = m_.dice().below(4);
  Range r{0, 1, 0};
  const Term b = partner(a);
  if (dtype(a) != DType::boolean) {  // within the bits that the operands use
    const double top = std::max(a.range.magnitude(), b.range.magnitude());
    const double bits = std::exp2(std::ceil(std::log2(top + 2)));
    r = {is_signed_integer(dtype(a)) ? -bits : 0, bits - 1, 0};
    if (which == 0 && !is_signed_integer(dtype(a))) return;
  }
  if (!room(dtype(a), r)) return;
  static const std::vector<PointwiseOp> kOps = {logical_and, logical_or, logical_xor};
  if (which == 0) return keep(e_.logical_not(a.ref), r);
  keep(e_.binary(kOps[static_cast<std::size_t>(which - 1)], a.ref, b.ref), r);
}

// A comparison of what is the same everywhere, and often a choice by it.
void Terms::compare(const Term& a) {
  if (dtype(a) == DType::boolean) {
    const Term& x = draw();
    const Term y = partner(x);
    if (x.ref == y.ref) return;
    const Range r{std::min(x.range.low, y.range.low), std::max(x.range.high, y.range.high),
                  std::max(x.range.error, y.range.error)};
    return keep(e_.select(a.ref, x.ref, y.ref), r);
  }
  const Term b = partner(a);
  if (is_float(a) && m_.dice().chance(15)) return keep(e_.isnan(a.ref), {0, 1, 0});
  if (!a.range.exact() || !b.range.exact()) return;
  static const std::vector<PointwiseOp> kOps = {eq, lt, le};
  keep(e_.binary(m_.dice().pick(kOps), a.ref, b.ref), {0, 1, 0});
}

void Terms::convert(const Term& a) {
  static const std::vector<DType> kTypes = {DType::f32,     DType::f32, DType::i64, DType::i32,
                                            DType::boolean, DType::u8,  DType::i8};
  DType to = m_.dice().pick(kTypes);
  if (m_.dice().chance(40)) to = m_.float_dtype();
  const auto& allowed = m_.options().dtypes;
  if (to == dtype(a) ||
      (!allowed.empty() && std::find(allowed.begin(), allowed.end(), to) == allowed.end()))
    return;
  Range r = a.range;
  if (is_floating(to)) {
    if (is_float(a) || r.magnitude() >= 256) r.error += half_ulp(to) * r.magnitude();
  } else {
    if (!r.exact()) return;
    r = to == DType::boolean ? Range{0, 1, 0} : Range{std::floor(r.low), std::ceil(r.high), 0};
  }
  if (room(to, r)) keep(e_.cast(a.ref, to), r);
}

// To 8 bits and back, with a scale that is a power of two.
void Terms::quantize(const Term& a) {
  const auto& allowed = m_.options().dtypes;
  if (dtype(a) != DType::f32 || !a.range.exact()) return;
  const DType to = m_.dice().chance(50) ? DType::u8 : DType::i8;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), to) == allowed.end()) return;
  const double step = m_.dice().chance(50) ? 0.25 : 0.0625;
  const std::int64_t zero =
      to == DType::u8 ? m_.dice().between(0, 255) : m_.dice().between(-99, 99);
  const Ref scale = e_.constant(DType::f32, step), zero_point = e_.integer(to, zero);
  const Ref q = e_.quantize(a.ref, scale, zero_point);
  keep(q, to == DType::u8 ? Range{0, 255, 0} : Range{-128, 127, 0});
  if (m_.dice().chance(70))
    keep(e_.dequantize(q, scale, zero_point, DType::f32), {-256 * step, 256 * step, 0});
}

void Terms::position() {
  if (over_.rank() == 0) return;
  const int axis = m_.dice().axis(over_.rank());
  const std::optional<Shape> largest = m_.largest(over_);
  if (!largest) return;
  const auto n = static_cast<double>((*largest)[axis]);
  if (m_.dice().chance(70)) return keep(e_.index(axis), {0, n - 1, 0});
  keep(e_.extent(axis), {0, n, 0});
}

std::vector<Term> Terms::results() {
  if (made_ == 0) keep(e_.logical_not(e_.logical_not(e_.integer(DType::boolean, 1))), {0, 1, 0});
  std::vector<Term> results{terms_.back()};
  for (std::size_t i = terms_.size() - static_cast<std::size_t>(made_); i + 1 < terms_.size(); ++i)
    if (results.size() < 3 && m_.dice().chance(10) && !(terms_[i].ref == results[0].ref))
      results.push_back(terms_[i]);
  return results;
}

}  // namespace gossamer::generate
