// VectorBuilder: values one by one, by the rules of the expression language; then what nobody reads
// is dropped, pairs of instructions are fused, and registers are allocated along the list.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/float_bits.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {
namespace {

using Value = VectorBuilder::Value;

bool is_wide(VectorType t) { return t == VectorType::f64 || t == VectorType::i64; }
bool is_half(DType d) { return d == DType::f16 || d == DType::bf16; }
int bits_of(DType d) { return dtype_info(d).file_bits; }

// Whether results of an op may need more bits than their dtype has, while the lanes hold more.
bool may_leave(VectorOp op, DType d) {
  using enum VectorOp;
  if (is_half(d)) {
    return op != neg && op != abs && op != sign && op != min && op != max && op != select &&
           op != floor && op != ceil && op != rint && op != trunc;
  }
  if (!is_integer(d) || d == DType::i32 || d == DType::i64) return false;
  return op == neg || op == abs || op == add || op == sub || op == mul || op == div ||
         op == logical_not || op == shl;
}

// The bits of an element of an integer type, extended to 64.
std::uint64_t extend(DType d, std::uint64_t bits) {
  const int shift = 64 - bits_of(d);
  const std::uint64_t top = bits << shift;
  return is_signed_integer(d) ? static_cast<std::uint64_t>(static_cast<std::int64_t>(top) >> shift)
                              : top >> shift;
}

}  // namespace

std::size_t VectorBuilder::operands(const Node& n) {
  if (n.kind != Node::Kind::instruction) return 0;
  return static_cast<std::size_t>(vector_op_operands(n.instruction.op));
}

Value VectorBuilder::add(const Node& node) {
  const auto found = std::find(nodes_.begin(), nodes_.end(), node);
  if (found != nodes_.end() && node.kind != Node::Kind::input)
    return {static_cast<std::int16_t>(found - nodes_.begin())};
  nodes_.push_back(node);
  return {static_cast<std::int16_t>(nodes_.size() - 1)};
}

Value VectorBuilder::add(VectorOp op, VectorType type, VectorType to, DType result,
                         std::span<const Value> args, DType dtype) {
  Node n;
  n.kind = Node::Kind::instruction;
  n.dtype = result;
  n.lane = to;
  n.instruction.op = op;
  n.instruction.type = type;
  n.instruction.to = to;
  n.instruction.dtype = dtype;
  std::copy(args.begin(), args.end(), n.args.begin());
  return add(n);
}

std::optional<Value> VectorBuilder::input(DType dtype) {
  const auto lane = lane_type(dtype);
  if (!lane || inputs_.size() >= kMaxVectorInputs) return std::nullopt;
  Node n;
  n.dtype = dtype;
  n.lane = *lane;
  n.bits = inputs_.size();
  inputs_.push_back(dtype);
  return add(n);
}

std::optional<Value> VectorBuilder::constant(DType dtype, std::uint64_t bits) {
  const auto lane = lane_type(dtype);
  if (!lane) return std::nullopt;
  Node n;
  n.kind = Node::Kind::constant;
  n.dtype = dtype;
  n.lane = *lane;
  n.bits = bits;
  if (dtype == DType::f16)
    n.bits = std::bit_cast<std::uint32_t>(to_float(F16{static_cast<std::uint16_t>(bits)}));
  if (dtype == DType::bf16) n.bits = (bits & 0xFFFF) << 16;
  if (is_integer(dtype)) n.bits = extend(dtype, bits);
  return add(n);
}

Value VectorBuilder::lanes(float value) {
  return *constant(DType::f32, std::bit_cast<std::uint32_t>(value));
}

// Lanes of `v` brought back into its dtype.
Value VectorBuilder::narrowed(Value v, DType dtype) {
  const VectorType lane = nodes_[static_cast<std::size_t>(v.id)].lane;
  if (lane == VectorType::boolean || lane == VectorType::f64) return v;
  const bool fits = dtype == DType::f32 || dtype == DType::i32 || dtype == DType::i64;
  return fits ? v : add(VectorOp::narrow, lane, lane, dtype, std::span(&v, 1), dtype);
}

std::optional<Value> VectorBuilder::cast(Value x, DType to) {
  const DType from = dtype(x);
  const auto lane = lane_type(to);
  if (!lane) return std::nullopt;
  if (from == to) return x;
  // Two roundings on the way from these.
  if (is_half(to) &&
      (from == DType::f64 || from == DType::i32 || from == DType::i64 || from == DType::u32))
    return std::nullopt;
  const VectorType source = nodes_[static_cast<std::size_t>(x.id)].lane;
  if (source != *lane) x = add(VectorOp::cast, source, *lane, to, std::span(&x, 1));
  const bool contained = is_integer(from) && is_integer(to) && bits_of(from) < bits_of(to) &&
                         (is_signed_integer(to) || !is_signed_integer(from));
  if (!contained) x = narrowed(x, to);
  if (dtype(x) == to) return x;
  // The same lanes under another name.
  Node n = nodes_[static_cast<std::size_t>(x.id)];
  n.dtype = to;
  if (n.kind != Node::Kind::constant) {
    n.kind = Node::Kind::alias;
    n.args = {x};
  }
  return add(n);
}

// x^e for exponents that models have; others where both are floats.
std::optional<Value> VectorBuilder::power(Value x, Value exponent, DType result) {
  const Node base = nodes_[static_cast<std::size_t>(x.id)];
  const Node e = nodes_[static_cast<std::size_t>(exponent.id)];
  if (base.lane != VectorType::f32) return std::nullopt;
  const auto make = [&](VectorOp op, std::initializer_list<Value> args) {
    return add(op, VectorType::f32, VectorType::f32, DType::f32,
               std::span(args.begin(), args.size()));
  };
  std::optional<Value> y;
  if (e.kind == Node::Kind::constant && e.lane != VectorType::boolean) {
    const double v =
        e.lane == VectorType::f32   ? std::bit_cast<float>(static_cast<std::uint32_t>(e.bits))
        : e.lane == VectorType::f64 ? std::bit_cast<double>(e.bits)
                                    : static_cast<double>(static_cast<std::int64_t>(e.bits));
    if (v == 1) return x;
    if (v == 2) y = make(VectorOp::mul, {x, x});
    if (v == 3) y = make(VectorOp::mul, {make(VectorOp::mul, {x, x}), x});
    if (v == -1) y = make(VectorOp::recip, {x});
    if (v == 0.5) {  // of -0: 0; of -inf: inf
      const Value infinity = lanes(INFINITY);
      const Value lost = add(VectorOp::eq, VectorType::f32, VectorType::boolean, DType::boolean,
                             std::array{x, lanes(-INFINITY)});
      y = make(VectorOp::select,
               {lost, infinity, make(VectorOp::sqrt, {make(VectorOp::add, {x, lanes(0)})})});
    }
    if (!y && std::abs(v) <= 0x1p24 && v == static_cast<double>(static_cast<float>(v)))
      y = make(VectorOp::pow, {x, lanes(static_cast<float>(v))});
  } else if (e.lane == VectorType::f32) {
    y = make(VectorOp::pow, {x, exponent});
  }
  return y ? std::optional(narrowed(*y, result)) : std::nullopt;
}

std::optional<Value> VectorBuilder::quantize(std::span<const Value> args, DType to,
                                             DType precision) {
  if (precision != DType::f32 || !is_integer(to) || bits_of(to) > 16 || dtype(args[2]) != to)
    return std::nullopt;
  const auto x = cast(args[0], DType::f32);
  const auto scale = cast(args[1], DType::f32);
  if (!x || !scale) return std::nullopt;
  return add(VectorOp::quantize, VectorType::f32, VectorType::i32, to,
             std::array{*x, *scale, args[2]}, to);
}

std::optional<Value> VectorBuilder::dequantize(std::span<const Value> args, DType to) {
  const DType from = dtype(args[0]);
  if (!is_integer(from) || dtype(args[2]) != from || (to != DType::f32 && !is_half(to)))
    return std::nullopt;
  const auto scale = cast(args[1], DType::f32);
  if (!scale) return std::nullopt;
  // The difference in lanes that hold it.
  const VectorType lane = bits_of(from) <= 16 ? VectorType::i32 : VectorType::i64;
  const DType whole = lane == VectorType::i32 ? DType::i32 : DType::i64;
  const auto q = cast(args[0], whole);
  const auto zero = cast(args[2], whole);
  const Node& z = nodes_[static_cast<std::size_t>(args[2].id)];
  Value d = args[0];
  VectorType type = nodes_[static_cast<std::size_t>(d.id)].lane;
  if (z.kind != Node::Kind::constant || z.bits != 0) {
    d = add(VectorOp::sub, lane, lane, whole, std::array{*q, *zero});
    type = lane;
  }
  d = add(VectorOp::cast, type, VectorType::f32, DType::f32, std::array{d});
  d = add(VectorOp::mul, VectorType::f32, VectorType::f32, DType::f32, std::array{d, *scale});
  return narrowed(d, to);
}

std::optional<Value> VectorBuilder::emit(std::string_view name, DType result,
                                         std::span<const Value> args, DType precision) {
  if (nodes_.size() > kMaxVectorInstructions) return std::nullopt;
  if (name == "dequantize" && args.size() == 3) return dequantize(args, result);
  const auto op = vector_op_of(name);
  if (!op || static_cast<int>(args.size()) != vector_op_operands(*op)) return std::nullopt;
  if (*op == VectorOp::cast) return cast(args[0], result);
  if (*op == VectorOp::pow) return power(args[0], args[1], result);
  if (*op == VectorOp::quantize) return quantize(args, result, precision);
  const std::size_t first = *op == VectorOp::select ? 1 : 0;
  const VectorType type = nodes_[static_cast<std::size_t>(args[first].id)].lane;
  const auto to = lane_type(result);
  if (*op > VectorOp::cast || !to || !supported(*op, type)) return std::nullopt;
  for (const Value v : args.subspan(first))
    if (dtype(v) != dtype(args[first])) return std::nullopt;
  if (first == 1 && dtype(args[0]) != DType::boolean) return std::nullopt;
  const Value y = add(*op, type, *to, result, args);
  return may_leave(*op, result) ? narrowed(y, result) : y;
}

// --- fusion ---

// How often each value is read on the way to the results; results count twice, so that they stay.
std::vector<int> VectorBuilder::uses(std::span<const Value> results) const {
  std::vector<int> uses(nodes_.size(), 0);
  for (const Value r : results) uses[static_cast<std::size_t>(r.id)] += 2;
  for (std::size_t i = nodes_.size(); i-- > 0;)
    if (uses[i] > 0)
      for (std::size_t k = 0; k < operands(nodes_[i]); ++k)
        ++uses[static_cast<std::size_t>(nodes_[i].args[k].id)];
  return uses;
}

bool VectorBuilder::is_lane(Value v, float value) const {
  const Node& n = nodes_[static_cast<std::size_t>(v.id)];
  if (n.kind != Node::Kind::constant || n.lane != VectorType::f32) return false;
  const auto lane = std::bit_cast<float>(static_cast<std::uint32_t>(n.bits));
  return std::abs(lane - value) <= 2e-7F * std::abs(value);
}

// The f32 instruction `op` that makes v, if nobody else reads v.
const VectorBuilder::Node* VectorBuilder::only(Value v, VectorOp op,
                                               const std::vector<int>& uses) const {
  const auto i = static_cast<std::size_t>(v.id);
  const Node& n = nodes_[i];
  const bool fits = n.kind == Node::Kind::instruction && n.instruction.op == op &&
                    n.instruction.type == VectorType::f32 && uses[i] == 1;
  return fits ? &n : nullptr;
}

// What v is the product of; gives up beyond eight factors.
void VectorBuilder::factors(Value v, const std::vector<int>& uses, std::vector<Value>& out) const {
  const Node* product = only(v, VectorOp::mul, uses);
  if (product == nullptr || out.size() > 8) return out.push_back(v);
  factors(product->args[0], uses, out);
  factors(product->args[1], uses, out);
}

// Whether v is x + 0.044715 x^3.
bool VectorBuilder::is_cubic(Value v, Value x, const std::vector<int>& uses) const {
  const Node* sum = only(v, VectorOp::add, uses);
  if (sum == nullptr || (sum->args[0] == x) == (sum->args[1] == x)) return false;
  std::vector<Value> parts;
  factors(sum->args[sum->args[0] == x ? 1 : 0], uses, parts);
  const auto is_x = std::count(parts.begin(), parts.end(), x);
  const auto constant =
      std::count_if(parts.begin(), parts.end(), [&](Value p) { return is_lane(p, 0.044715F); });
  return parts.size() == 4 && is_x == 3 && constant == 1;
}

// A product of x, 1/2 and 1 + erf(x / sqrt 2) or its likeness by tanh becomes one instruction.
void VectorBuilder::find_gelu(Node& node, const std::vector<int>& uses) const {
  if (node.kind != Node::Kind::instruction || node.instruction.op != VectorOp::mul ||
      node.lane != VectorType::f32)
    return;
  std::vector<Value> parts;
  factors(node.args[0], uses, parts);
  factors(node.args[1], uses, parts);
  const auto half =
      std::find_if(parts.begin(), parts.end(), [&](Value v) { return is_lane(v, 0.5F); });
  if (parts.size() != 3 || half == parts.end()) return;
  parts.erase(half);
  for (std::size_t k = 0; k < 2; ++k) {
    const Value x = parts[k];
    const Node* sum = only(parts[1 - k], VectorOp::add, uses);
    if (sum == nullptr || is_lane(sum->args[0], 1) == is_lane(sum->args[1], 1)) continue;
    const Value curve = sum->args[is_lane(sum->args[0], 1) ? 1 : 0];
    if (const Node* erf = only(curve, VectorOp::erf, uses)) {
      std::vector<Value> inner;
      factors(erf->args[0], uses, inner);
      const Node* quotient = only(erf->args[0], VectorOp::div, uses);
      const bool divided =
          quotient != nullptr && quotient->args[0] == x && is_lane(quotient->args[1], 1.41421356F);
      const bool scaled = inner.size() == 2 && (inner[0] == x || inner[1] == x) &&
                          (is_lane(inner[0], 0.70710678F) || is_lane(inner[1], 0.70710678F));
      if (!divided && !scaled) continue;
      node.instruction.op = VectorOp::gelu;
    } else if (const Node* tanh = only(curve, VectorOp::tanh, uses)) {
      std::vector<Value> inner;
      factors(tanh->args[0], uses, inner);
      if (inner.size() != 2) continue;
      const std::size_t scale = is_lane(inner[0], 0.79788456F) ? 0 : 1;
      if (!is_lane(inner[scale], 0.79788456F) || !is_cubic(inner[1 - scale], x, uses)) continue;
      node.instruction.op = VectorOp::gelu_tanh;
    } else {
      continue;
    }
    node.args = {x};
    return;
  }
}

// x < 0 ? x * a : x becomes one instruction.
void VectorBuilder::find_leaky(Node& node, const std::vector<int>& uses) const {
  if (node.kind != Node::Kind::instruction || node.instruction.op != VectorOp::select ||
      node.instruction.type != VectorType::f32)
    return;
  const Value x = node.args[2];
  const Node* below = only(node.args[0], VectorOp::lt, uses);
  const Node* product = only(node.args[1], VectorOp::mul, uses);
  if (below == nullptr || product == nullptr || below->args[0] != x || !is_lane(below->args[1], 0))
    return;
  if (product->args[0] != x && product->args[1] != x) return;
  node.instruction.op = VectorOp::leaky;
  node.args = {x, product->args[product->args[0] == x ? 1 : 0]};
}

// Joins an instruction and the one whose result it alone reads.
void VectorBuilder::fuse_pair(Node& n, std::vector<int>& uses) const {
  using enum VectorOp;
  VectorInstruction& in = n.instruction;
  if (n.kind != Node::Kind::instruction || in.type != VectorType::f32 ||
      uses[static_cast<std::size_t>(&n - nodes_.data())] == 0)
    return;
  for (std::size_t k = 0; k < 2; ++k) {
    const Value inner = n.args[k], other = n.args[1 - k];
    if (inner == other) continue;
    const Node* p = nullptr;
    if (in.op == VectorOp::add && (p = only(inner, mul, uses)) != nullptr) {
      in.op = muladd;
    } else if (in.op == min && (p = only(inner, max, uses)) != nullptr) {
      in.op = clamp;
    } else if (in.op == max && (p = only(inner, VectorOp::add, uses)) != nullptr) {
      in.op = addmax;
    } else if (in.op == mul && (p = only(inner, sigmoid, uses)) != nullptr && p->args[0] == other) {
      in.op = silu;
      n.args = {other};
    } else if (in.op == mul && (p = only(inner, clamp, uses)) != nullptr &&
               is_lane(p->args[1], 0) && is_lane(p->args[2], 1)) {
      const Value line = p->args[0];
      const Node* m = only(line, muladd, uses);
      if (m == nullptr || (m->args[0] != other && m->args[1] != other)) continue;
      in.op = hard_swish;
      n.args = {other, m->args[m->args[0] == other ? 1 : 0], m->args[2]};
      --uses[static_cast<std::size_t>(line.id)];
    } else {
      continue;
    }
    --uses[static_cast<std::size_t>(inner.id)];
    if (in.op == silu || in.op == hard_swish)
      --uses[static_cast<std::size_t>(other.id)];
    else
      n.args = {p->args[0], p->args[1], other};
    return;
  }
}

std::optional<VectorProgram> VectorBuilder::finish(std::span<const Value> wanted) {
  if (wanted.empty() || wanted.size() > kMaxVectorInputs) return std::nullopt;
  // Aliases stand for what they name.
  const auto origin = [&](Value v) {
    while (nodes_[static_cast<std::size_t>(v.id)].kind == Node::Kind::alias)
      v = nodes_[static_cast<std::size_t>(v.id)].args[0];
    return v;
  };
  for (Node& n : nodes_)
    for (std::size_t k = 0; k < operands(n); ++k) n.args[k] = origin(n.args[k]);
  std::vector<Value> results;
  for (const Value r : wanted) results.push_back(origin(r));
  const std::vector<int> before = uses(results);
  for (Node& n : nodes_) {
    find_gelu(n, before);
    find_leaky(n, before);
  }
  std::vector<int> now = uses(results);
  for (Node& n : nodes_) fuse_pair(n, now);
  auto p = allocate(results);
  if (!p) return std::nullopt;
  for (const Value r : wanted) p->outputs.push_back(dtype(r));
  if (!validate(*p).ok()) return std::nullopt;
  derive(*p);
  return p;
}

// Instructions in order, registers by the last reading of each value.
std::optional<VectorProgram> VectorBuilder::allocate(std::span<const Value> results) const {
  const std::vector<int> read = uses(results);
  std::vector<std::size_t> last(nodes_.size(), 0);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (read[i] > 0)
      for (std::size_t k = 0; k < operands(nodes_[i]); ++k)
        last[static_cast<std::size_t>(nodes_[i].args[k].id)] = i;
  for (const Value r : results) last[static_cast<std::size_t>(r.id)] = nodes_.size();

  VectorProgram p;
  p.inputs = inputs_;
  std::vector<VectorOperand> place(nodes_.size());
  std::array<bool, kMaxVectorRegisters> taken{};
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& n = nodes_[i];
    if (read[i] == 0 || n.kind == Node::Kind::alias) continue;
    if (n.kind == Node::Kind::input) {
      place[i] = {VectorOperand::Kind::input, static_cast<std::uint8_t>(n.bits)};
      continue;
    }
    if (n.kind == Node::Kind::constant) {
      place[i] = {VectorOperand::Kind::constant, static_cast<std::uint8_t>(p.constants.size())};
      p.constants.push_back({n.lane, n.bits});
      continue;
    }
    VectorInstruction in = n.instruction;
    // Registers read for the last time are free for the result, unless their lanes are of another
    // size: then only after it.
    const auto release = [&](bool same_size) {
      for (std::size_t k = 0; k < operands(n); ++k) {
        const auto a = static_cast<std::size_t>(n.args[k].id);
        if (place[a].kind == VectorOperand::Kind::reg && last[a] == i &&
            (is_wide(nodes_[a].lane) == is_wide(n.lane)) == same_size)
          taken[place[a].index] = false;
      }
    };
    for (std::size_t k = 0; k < operands(n); ++k)
      in.args[k] = place[static_cast<std::size_t>(n.args[k].id)];
    release(true);
    const auto* const free = std::find(taken.begin(), taken.end(), false);
    if (free == taken.end()) return std::nullopt;
    in.result = static_cast<std::uint8_t>(free - taken.begin());
    taken[in.result] = true;
    release(false);
    place[i] = {VectorOperand::Kind::reg, in.result};
    p.registers = std::max(p.registers, in.result + 1);
    p.instructions.push_back(in);
  }
  for (const Value r : results) p.results.push_back(place[static_cast<std::size_t>(r.id)]);
  return p;
}

}  // namespace gossamer::kernels
