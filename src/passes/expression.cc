// Simplifying Pointwise programs.
#include "passes/expression.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace gossamer {
namespace {

std::size_t at(std::int16_t i) { return static_cast<std::size_t>(i); }

// Whether every value of `from` survives a cast to `to` and back.
bool holds_exactly(DType from, DType to) {
  if (from == to) return true;
  if (from == DType::boolean) return is_arithmetic_integer(to) || is_arithmetic_float(to);
  if (is_arithmetic_float(from) && is_arithmetic_float(to)) {
    if (to == DType::f64) return true;
    return to == DType::f32 && from != DType::f64;
  }
  if (!is_integer(from)) return false;
  const int bits = dtype_info(from).file_bits;
  const bool is_signed = is_signed_integer(from);
  if (is_arithmetic_float(to)) {
    const int digits = to == DType::f64 ? 53 : to == DType::f32 ? 24 : to == DType::f16 ? 11 : 8;
    return bits - (is_signed ? 1 : 0) <= digits && bits <= 16 + (to == DType::f64 ? 16 : 0);
  }
  if (!is_integer(to)) return false;
  // Integers keep their low bits whatever the sign: widening and coming back is exact.
  return dtype_info(to).file_bits >= bits;
}

bool is_power_of_two(double v) {
  int exponent = 0;
  return std::isfinite(v) && std::abs(std::frexp(v, &exponent)) == 0.5 && std::abs(exponent) < 100;
}

}  // namespace

std::optional<Scalar> as_scalar(const Tensor& t) {
  const bool number =
      is_integer(t.dtype()) || is_floating(t.dtype()) || t.dtype() == DType::boolean;
  if (t.count() != 1 || !number) return std::nullopt;
  Result<Tensor> plain = t.unpack();
  if (!plain.ok()) return std::nullopt;
  Scalar s{t.dtype(), 0};
  std::memcpy(&s.bits, plain->data(), dtype_size(t.dtype()));
  return s;
}

double to_double(const Scalar& s) {
  const Instruction cast{.op = PointwiseOp::cast, .dtype = DType::f64};
  return std::bit_cast<double>(reference::apply(cast, std::span(&s, 1)).bits);
}

Ref Simplifier::constant(const Scalar& s) {
  const Ref r = e_.constant(s);
  if (at(r.index) >= constants_.size()) constants_.resize(at(r.index) + 1);
  constants_[at(r.index)] = s;
  return r;
}

std::optional<Scalar> Simplifier::scalar(Ref r) const {
  if (r.kind != Ref::Kind::constant) return std::nullopt;
  return constants_[at(r.index)];
}

bool Simplifier::is(Ref r, double value) const {
  const std::optional<Scalar> s = scalar(r);
  if (!s || !(is_arithmetic_integer(s->dtype) || is_arithmetic_float(s->dtype))) return false;
  const double v = to_double(*s);
  return v == value && std::signbit(v) == std::signbit(value);
}

const Instruction* Simplifier::made_by(Ref r, PointwiseOp op) const {
  if (r.kind != Ref::Kind::result || made_[at(r.index)].op != op) return nullptr;
  return &made_[at(r.index)];
}

std::vector<Ref> Simplifier::inlined(const PointwiseProgram& program, std::span<const Ref> inputs) {
  std::vector<Ref> results;
  const auto image = [&](Ref r) {
    if (r.kind == Ref::Kind::input) return inputs[at(r.index)];
    if (r.kind == Ref::Kind::constant) return constant(program.constants[at(r.index)]);
    return results[at(r.index)];
  };
  for (const Instruction& in : program.instructions) {
    std::array<Ref, 3> args;
    const auto count = static_cast<std::size_t>(pointwise_op_operands(in.op));
    for (std::size_t k = 0; k < count; ++k) args[k] = image(in.args[k]);
    results.push_back(add(in, std::span(args).first(count)));
  }
  std::vector<Ref> out;
  for (Ref r : program.results) out.push_back(image(r));
  return out;
}

Ref Simplifier::add(const Instruction& in, std::span<const Ref> args) {
  if (const std::optional<Ref> better = simpler(in, args)) {
    ++savings_;
    return *better;
  }
  return emit(in, args);
}

Ref Simplifier::emit(const Instruction& instruction, std::span<const Ref> given) {
  using enum PointwiseOp;
  // What is given may lie among the instructions made before, which move when another is made.
  const Instruction in = instruction;
  std::array<Ref, 3> kept;
  std::copy(given.begin(), given.end(), kept.begin());
  const std::span<const Ref> args(kept.data(), given.size());
  Ref r;
  switch (in.op) {
    case select:
      r = e_.select(args[0], args[1], args[2]);
      break;
    case quantize:
      r = e_.quantize(args[0], args[1], args[2], in.precision, in.saturate);
      break;
    case dequantize:
      r = e_.dequantize(args[0], args[1], args[2], in.dtype);
      break;
    case cast:
      r = e_.cast(args[0], in.dtype, in.saturate, in.rounding);
      break;
    case bits:
      r = e_.bits(args[0], in.dtype);
      break;
    case index:
      r = e_.index(in.axis);
      break;
    case extent:
      r = e_.extent(in.axis);
      break;
    default:
      r = args.size() == 1 ? e_.unary(in.op, args[0]) : e_.binary(in.op, args[0], args[1]);
  }
  if (r.kind == Ref::Kind::result) {
    if (at(r.index) >= made_.size()) made_.resize(at(r.index) + 1);
    made_[at(r.index)] = in;
    std::copy(args.begin(), args.end(), made_[at(r.index)].args.begin());
  }
  return r;
}

std::optional<Ref> Simplifier::simpler(const Instruction& in, std::span<const Ref> args) {
  using enum PointwiseOp;
  if (in.op == index || in.op == extent) return std::nullopt;
  std::vector<Scalar> known;
  for (Ref a : args)
    if (const std::optional<Scalar> s = scalar(a)) known.push_back(*s);
  if (known.size() == args.size()) return constant(reference::apply(in, known));
  if (in.op == select) {
    if (args[1] == args[2]) return args[1];
    if (const std::optional<Scalar> s = scalar(args[0])) return s->bits != 0 ? args[1] : args[2];
    return std::nullopt;
  }
  if (in.op == pow) return simpler_pow(in, args[0], args[1]);
  if (args.size() == 1) return simpler_unary(in, args[0]);
  if (args.size() != 2) return std::nullopt;
  if (in.op == min || in.op == max) {
    if (args[0] == args[1]) return args[0];
    const double no_bound = (in.op == min ? 1 : -1) * std::numeric_limits<double>::infinity();
    if (is(args[1], no_bound)) return args[0];
    if (is(args[0], no_bound)) return args[1];
    return std::nullopt;
  }
  if (is_arithmetic_float(in.dtype)) return simpler_float(in, args[0], args[1]);
  if (is_arithmetic_integer(in.dtype)) return simpler_integer(in, args[0], args[1]);
  if (in.dtype == DType::boolean) return simpler_boolean(in, args[0], args[1]);
  return std::nullopt;
}

std::optional<Ref> Simplifier::simpler_unary(const Instruction& in, Ref a) {
  using enum PointwiseOp;
  const Instruction* before = made_by(a, in.op);
  switch (in.op) {
    case neg:
    case logical_not:
      if (before) return before->args[0];
      return std::nullopt;
    case abs:
      if (before) return a;
      if (const Instruction* n = made_by(a, neg); n && is_arithmetic_float(in.dtype)) {
        Instruction again = in;
        return emit(again, std::span(&n->args[0], 1));
      }
      return std::nullopt;
    case floor:
    case ceil:
    case rint:
    case trunc:
    case sign:
      if (before) return a;
      return std::nullopt;
    case cast: {
      if (e_.dtype(a) == in.dtype) return a;
      if (!before) return std::nullopt;
      const Ref x = before->args[0];
      if (!holds_exactly(e_.dtype(x), before->dtype)) return std::nullopt;
      if (e_.dtype(x) == in.dtype) return x;
      // Widened on the way: the same as going straight.
      const bool plain = in.saturate && is_arithmetic_float(before->dtype) &&
                         is_arithmetic_float(e_.dtype(x)) && is_arithmetic_float(in.dtype);
      if (plain) return emit(in, std::span(&x, 1));
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::optional<Ref> Simplifier::simpler_float(const Instruction& in, Ref a, Ref b) {
  using enum PointwiseOp;
  Instruction other = in;
  switch (in.op) {
    case mul:
      if (is(b, 1)) return a;
      if (is(a, 1)) return b;
      other.op = neg;
      if (is(b, -1)) return emit(other, std::span(&a, 1));
      if (is(a, -1)) return emit(other, std::span(&b, 1));
      return std::nullopt;
    case div: {
      if (is(b, 1)) return a;
      other.op = recip;
      if (is(a, 1)) return emit(other, std::span(&b, 1));
      const std::optional<Scalar> divisor = scalar(b);
      // Exact for powers of two in types that hold their reciprocals as normal numbers.
      const bool wide = in.dtype == DType::f32 || in.dtype == DType::f64;
      if (!wide || !divisor || !is_power_of_two(to_double(*divisor))) return std::nullopt;
      other.op = mul;
      const std::array<Ref, 2> args = {a, constant(make_scalar(in.dtype, 1 / to_double(*divisor)))};
      return emit(other, args);
    }
    case add: {
      // x + 0 is not x where x is -0; x + -0 is.
      if (is(b, -0.0)) return a;
      if (is(a, -0.0)) return b;
      other.op = sub;
      if (const Instruction* n = made_by(b, neg)) {
        const std::array<Ref, 2> args = {a, n->args[0]};
        return emit(other, args);
      }
      if (const Instruction* n = made_by(a, neg)) {
        const std::array<Ref, 2> args = {b, n->args[0]};
        return emit(other, args);
      }
      return std::nullopt;
    }
    case sub: {
      if (is(b, 0.0)) return a;
      other.op = PointwiseOp::add;
      if (const Instruction* n = made_by(b, neg)) {
        const std::array<Ref, 2> args = {a, n->args[0]};
        return emit(other, args);
      }
      return std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::optional<Ref> Simplifier::simpler_integer(const Instruction& in, Ref a, Ref b) {
  using enum PointwiseOp;
  switch (in.op) {
    case PointwiseOp::add:
    case logical_or:
    case logical_xor:
      if (is(b, 0)) return a;
      if (is(a, 0)) return b;
      return std::nullopt;
    case sub:
    case shl:
    case shr:
      if (is(b, 0)) return a;
      return std::nullopt;
    case mul:
      if (is(b, 1)) return a;
      if (is(a, 1)) return b;
      return std::nullopt;
    case div:
      if (is(b, 1)) return a;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Ref> Simplifier::simpler_boolean(const Instruction& in, Ref a, Ref b) {
  using enum PointwiseOp;
  if (in.op != logical_and && in.op != logical_or && in.op != logical_xor) return std::nullopt;
  if (a == b && in.op != logical_xor) return a;
  for (const auto& [x, known] : {std::pair(a, scalar(b)), std::pair(b, scalar(a))}) {
    if (!known) continue;
    const bool value = known->bits != 0;
    if (in.op == logical_and) return value ? x : constant(*known);
    if (in.op == logical_or) return value ? constant(*known) : x;
    if (!value) return x;
  }
  return std::nullopt;
}

std::optional<Ref> Simplifier::simpler_pow(const Instruction& in, Ref base, Ref exponent) {
  using enum PointwiseOp;
  if (is(exponent, 1)) return base;
  if (in.dtype != DType::f32 && in.dtype != DType::f64) return std::nullopt;
  Instruction other = in;
  if (is(exponent, -1)) {
    other.op = recip;
    return emit(other, std::span(&base, 1));
  }
  if (!is(exponent, 2) && !is(exponent, 3)) return std::nullopt;
  other.op = mul;
  const std::array<Ref, 2> square = {base, base};
  const Ref squared = emit(other, square);
  if (is(exponent, 2)) return squared;
  const std::array<Ref, 2> cube = {squared, base};
  return emit(other, cube);
}

}  // namespace gossamer
