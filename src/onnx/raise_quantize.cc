// Scale and zero point of (De)QuantizeLinear: one number, one an axis, or one a block.
#include "onnx/raise_quantize.h"

#include <cstring>

#include "primitives/primitives.h"
#include "reference/copy.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;

// How an operand spreads over x.
struct Spread {
  enum class Kind : std::uint8_t { scalar, axis, block } kind = Kind::scalar;
  int axis = 0;
  std::int64_t block = 0;
  Name name;
};

// The operand before a Copy repeated each of its elements along one axis.
std::optional<Spread> blocks_of(Raising& r, std::size_t operand) {
  const gossamer::Graph& g = r.graph();
  const NodeId p = g.value(r.node().operands[operand]).producer;
  if (p == kNoNode || g.node(p).primitive != &kCopy) return std::nullopt;
  const StepList& steps = attributes_of<CopyAttributes>(g.node(p)).steps;
  if (steps.empty() || steps.size() > 2) return std::nullopt;
  const auto* repeat = std::get_if<RepeatStep>(&steps[0]);
  if (repeat == nullptr || !repeat->each || !repeat->times.is_literal()) return std::nullopt;
  if (steps.size() == 2) {
    const auto* slice = std::get_if<SliceStep>(&steps[1]);
    if (slice == nullptr || slice->axis != repeat->axis || slice->stride != 1 ||
        slice->start != Extent(0))
      return std::nullopt;
  }
  return Spread{Spread::Kind::block, repeat->axis, repeat->times.value,
                r.outer_name(g.node(p).operands[0])};
}

std::optional<Spread> spread_of(Raising& r, const LinearOperand& operand,
                                const std::optional<int>& rank) {
  if (operand.constant) return Spread{Spread::Kind::scalar, 0, 0, {}};
  const gossamer::Type& t = r.type(operand.operand);
  if (!t.ranked()) return std::nullopt;
  if (t.rank() == 0) return Spread{Spread::Kind::scalar, 0, 0, r.operand(operand.operand)};
  if (!rank || t.rank() > *rank) return std::nullopt;
  if (const auto blocks = blocks_of(r, operand.operand)) return blocks;
  Spread out{Spread::Kind::axis, -1, 0, {}};
  for (int d = 0; d < t.rank(); ++d) {
    if (t.dim(d) == Dim(1)) continue;
    if (out.axis >= 0) return std::nullopt;
    out.axis = d;
  }
  if (out.axis < 0) out.axis = t.rank() - 1;
  std::vector<std::int64_t> ones;
  for (int d = 0; d < t.rank(); ++d)
    if (d != out.axis) ones.push_back(d);
  if (const Tensor* c = r.constant_operand(operand.operand); c != nullptr && !ones.empty()) {
    out.name = r.constant(c->reshaped(Shape{c->count()}));
  } else {
    out.name = r.squeeze(r.operand(operand.operand), ones);
  }
  out.axis += *rank - t.rank();
  return out;
}

// The opset from which the operator takes the element type of its integers (or narrow floats).
std::int64_t since(DType q, bool quantize) {
  switch (q) {
    case DType::u8:
    case DType::i8:
      return 13;
    case DType::i32:
      return quantize ? 0 : 13;
    case DType::i16:
    case DType::u16:
      return 21;
    default:
      return is_arithmetic_integer(q) || is_arithmetic_float(q) || q == DType::boolean ? 0 : 19;
  }
}

}  // namespace

Tensor tensor_of(const Scalar& s) {
  Result<Tensor> t = Tensor::make(s.dtype, Shape{});
  if (!t.ok()) return {};
  std::memcpy(t->mutable_data(), &s.bits, dtype_size(s.dtype));
  return std::move(t).value();
}

std::pair<double, double> integer_range(DType dtype) {
  const int bits = dtype_info(dtype).file_bits;
  const double span = static_cast<double>(std::uint64_t{1} << (bits - 1));
  return is_signed_integer(dtype) ? std::pair(-span, span - 1) : std::pair(0.0, 2 * span - 1);
}

std::optional<Name> spell_linear(Raising& r, const Linear& linear, const LinearOperand& scale,
                                 const LinearOperand& zero) {
  const DType q = linear.quantize ? linear.dtype : linear.x_dtype;
  const DType real = linear.quantize ? linear.x_dtype : linear.dtype;
  const std::int64_t first = since(q, linear.quantize);
  if (first == 0 || !is_arithmetic_float(linear.scale_dtype)) return std::nullopt;
  if (!is_arithmetic_float(real) || linear.scale_dtype == DType::f64 || real == DType::f64)
    return std::nullopt;
  const auto s = spread_of(r, scale, linear.rank);
  const auto z = spread_of(r, zero, linear.rank);
  if (!s || !z) return std::nullopt;
  const bool no_zero = zero.constant && zero.constant->bits == 0;
  const bool alike = s->kind == z->kind && s->axis == z->axis && s->block == z->block;
  if (!no_zero && !alike) return std::nullopt;

  Raising::Names inputs = {linear.x, s->name};
  if (scale.constant) inputs[1] = r.constant(tensor_of(*scale.constant));
  Raising::Attributes attributes;
  std::int64_t needed = first;
  if (s->kind != Spread::Kind::scalar)
    attributes.push_back(attribute("axis", std::int64_t{s->axis}));
  if (s->kind == Spread::Kind::block) {
    attributes.push_back(attribute("block_size", s->block));
    needed = std::max<std::int64_t>(needed, 21);
  }
  if (real != DType::f32 || linear.scale_dtype != DType::f32)
    needed = std::max<std::int64_t>(needed, 19);
  if (real != linear.scale_dtype) needed = std::max<std::int64_t>(needed, 23);
  const std::int64_t code = dtype_info(linear.dtype).onnx_code;
  if (!no_zero) {
    inputs.push_back(zero.constant ? r.constant(tensor_of(*zero.constant)) : z->name);
  } else if (linear.quantize && q != DType::u8) {
    if (s->kind == Spread::Kind::scalar) {
      inputs.push_back(r.constant(tensor_of(*zero.constant)));
    } else {
      needed = std::max<std::int64_t>(needed, 21);
      attributes.push_back(attribute("output_dtype", code));
    }
  }
  if (!linear.quantize && linear.dtype != linear.scale_dtype)
    attributes.push_back(attribute("output_dtype", code));
  if (linear.quantize && linear.precision != linear.scale_dtype) {
    needed = std::max<std::int64_t>(needed, 23);
    attributes.push_back(
        attribute("precision", std::int64_t{dtype_info(linear.precision).onnx_code}));
  }
  if (linear.quantize && !linear.saturate) {
    needed = std::max<std::int64_t>(needed, 19);
    attributes.push_back(attribute("saturate", std::int64_t{0}));
  }
  r.needs(needed);
  r.needs(q);
  return r.emit(linear.quantize ? "QuantizeLinear" : "DequantizeLinear", std::move(inputs),
                std::move(attributes));
}

}  // namespace gossamer::onnx
