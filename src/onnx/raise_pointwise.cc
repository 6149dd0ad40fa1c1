// Pointwise: canonical expressions as their operators, what remains as one ONNX node an
// instruction.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "onnx/canonical.h"
#include "onnx/fused_bias.h"
#include "onnx/raise_quantize.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;
using Op = PointwiseOp;

// Instructions that are one operator, whatever the element type.
std::string_view plain_operator(Op op) {
  switch (op) {
#define PLAIN(op, name) \
  case Op::op:          \
    return name;
    PLAIN(abs, "Abs")
    PLAIN(sign, "Sign")
    PLAIN(floor, "Floor")
    PLAIN(ceil, "Ceil")
    PLAIN(rint, "Round")
    PLAIN(recip, "Reciprocal")
    PLAIN(sqrt, "Sqrt")
    PLAIN(exp, "Exp")
    PLAIN(log, "Log")
    PLAIN(sin, "Sin")
    PLAIN(cos, "Cos")
    PLAIN(tan, "Tan")
    PLAIN(asin, "Asin")
    PLAIN(acos, "Acos")
    PLAIN(atan, "Atan")
    PLAIN(sinh, "Sinh")
    PLAIN(cosh, "Cosh")
    PLAIN(tanh, "Tanh")
    PLAIN(asinh, "Asinh")
    PLAIN(acosh, "Acosh")
    PLAIN(atanh, "Atanh")
    PLAIN(erf, "Erf")
    PLAIN(sigmoid, "Sigmoid")
    PLAIN(isnan, "IsNaN")
    PLAIN(add, "Add")
    PLAIN(sub, "Sub")
    PLAIN(mul, "Mul")
    PLAIN(div, "Div")
    PLAIN(min, "Min")
    PLAIN(max, "Max")
    PLAIN(pow, "Pow")
    PLAIN(eq, "Equal")
    PLAIN(lt, "Less")
    PLAIN(le, "LessOrEqual")
    PLAIN(select, "Where")
#undef PLAIN
    default:
      return {};
  }
}

// The program, with what a convolution has added already read as it comes.
PointwiseProgram without_fused_bias(const Raising& r, PointwiseProgram program) {
  const FusedBias* bias = r.taken_bias();
  if (bias == nullptr) return program;
  const auto reads = [](const Instruction& in, std::size_t operand) {
    const auto is = [&](Ref ref) {
      return ref.kind == Ref::Kind::input && static_cast<std::size_t>(ref.index) == operand;
    };
    return is(in.args[0]) || is(in.args[1]);
  };
  const auto sum = std::find_if(
      program.instructions.begin(), program.instructions.end(), [&](const Instruction& in) {
        return in.op == Op::add && reads(in, bias->operand) && reads(in, bias->convolved);
      });
  const Ref from{Ref::Kind::result, static_cast<std::int16_t>(sum - program.instructions.begin())};
  const Ref to{Ref::Kind::input, static_cast<std::int16_t>(bias->convolved)};
  for (Instruction& in : program.instructions)
    std::replace(in.args.begin(), in.args.end(), from, to);
  std::replace(program.results.begin(), program.results.end(), from, to);
  return program;
}

class PointwiseRaising {
 public:
  explicit PointwiseRaising(Raising& r)
      : r_(r), a_(r.attributes<PointwiseAttributes>()), p_(without_fused_bias(r, a_.program)) {}

  Status run();

 private:
  struct Made {
    Name name;
    std::set<std::size_t> reads;  // inputs of the program that its shape follows from
    bool sized = false;           // an index or extent gave it part of the result's shape
  };

  Result<Made> make(Ref ref);
  Result<Made> make_instruction(Ref ref);
  Result<Name> spell(const Instruction& in, std::span<const Name> args);
  Result<Name> spell_modulo(const Instruction& in, std::span<const Name> args);
  Result<Name> spell_conversion(const Instruction& in, std::span<const Name> args);
  Result<Name> spell_quantize(const Instruction& in, std::span<const Name> args);
  Result<Name> spell_dequantize(const Instruction& in, std::span<const Name> args);
  Result<Name> spell_position(const Instruction& in);
  Result<Name> extent_of_result(int axis);
  bool fits(const CanonicalMatch& m) const;
  std::optional<LinearOperand> linear_operand(Ref ref) const;
  Result<Name> broadcast(const Made& made, std::size_t result);
  DType arg_dtype(const Instruction& in, std::size_t i) const { return p_.dtype_of(in.args[i]); }

  Raising& r_;
  const PointwiseAttributes& a_;
  const PointwiseProgram p_;
  std::map<int, Made> made_;  // by instruction
};

Result<PointwiseRaising::Made> PointwiseRaising::make(Ref ref) {
  const auto i = static_cast<std::size_t>(ref.index);
  switch (ref.kind) {
    case Ref::Kind::input:
      return Made{r_.operand(i), {i}};
    case Ref::Kind::constant:
      return Made{r_.constant(tensor_of(p_.constants[i])), {}};
    default:
      break;
  }
  if (const auto it = made_.find(ref.index); it != made_.end()) return it->second;
  ASSIGN(Made made, make_instruction(ref));
  made_[ref.index] = made;
  return made;
}

// Whether the inputs of a recognized operator are what the standard lets them be.
bool PointwiseRaising::fits(const CanonicalMatch& m) const {
  const auto scalar = [&](Ref ref) {
    if (ref.kind == Ref::Kind::constant) return true;
    if (ref.kind == Ref::Kind::result) return false;
    const gossamer::Type& t = r_.type(static_cast<std::size_t>(ref.index));
    return t.ranked() && t.rank() == 0;
  };
  if (m.op == "Clip") return scalar(m.inputs[1]) && scalar(m.inputs[2]);
  if (m.op == "PRelu") {
    if (m.inputs[0].kind != Ref::Kind::input || m.inputs[1].kind != Ref::Kind::input) return false;
    const gossamer::Type& x = r_.type(static_cast<std::size_t>(m.inputs[0].index));
    const gossamer::Type& result = r_.result_type(0);
    return x.ranked() && x.shape == result.shape;
  }
  return m.op != "SwiGLU" || m.inputs[0].kind != Ref::Kind::constant;
}

Result<PointwiseRaising::Made> PointwiseRaising::make_instruction(Ref ref) {
  Made out;
  const auto join = [&](const Made& made) {
    out.reads.insert(made.reads.begin(), made.reads.end());
    out.sized = out.sized || made.sized;
  };
  for (const CanonicalMatch& m : canonical_matches(p_, ref, r_.opset())) {
    if (!fits(m)) continue;
    Raising::Names inputs;
    for (const Ref input : m.inputs) {
      ASSIGN(const Made made, make(input));
      join(made);
      inputs.push_back(made.name);
    }
    out.name = r_.emit(m.op, std::move(inputs), m.attributes);
    return out;
  }
  const Instruction& in = p_.instructions[static_cast<std::size_t>(ref.index)];
  std::vector<Name> args;
  for (int i = 0; i < pointwise_op_operands(in.op); ++i) {
    ASSIGN(const Made made, make(in.args[static_cast<std::size_t>(i)]));
    join(made);
    args.push_back(made.name);
  }
  out.sized = out.sized || in.op == Op::index || in.op == Op::extent;
  ASSIGN(out.name, spell(in, args));
  return out;
}

Result<Name> PointwiseRaising::spell(const Instruction& in, std::span<const Name> args) {
  r_.needs(in.dtype);
  const Raising::Names names(args.begin(), args.end());
  const auto literal = [&](double v) { return r_.number(in.dtype, v); };
  if (in.op == Op::pow && is_integer(in.dtype) && in.dtype != DType::i32 &&
      in.dtype != DType::i64) {  // Pow takes no others; their powers wrap to the same low bits
    const Name base = r_.cast(args[0], in.dtype, DType::i64);
    return r_.cast(r_.emit("Pow", {base, args[1]}), DType::i64, in.dtype);
  }
  if (const std::string_view op = plain_operator(in.op); !op.empty()) return r_.emit(op, names);
  const bool logic = in.dtype == DType::boolean;
  const auto bitwise = [&](std::string_view boolean, std::string_view integer) {
    if (!logic) r_.needs(18);
    return r_.emit(logic ? boolean : integer, names);
  };
  switch (in.op) {
    case Op::neg:
      if (is_integer(in.dtype) && !is_signed_integer(in.dtype))
        return r_.emit("Sub", {literal(0), args[0]});
      return r_.emit("Neg", names);
    case Op::trunc:
      return r_.emit("Mul", {r_.emit("Sign", names), r_.emit("Floor", {r_.emit("Abs", names)})});
    case Op::rsqrt:
      return r_.emit("Reciprocal", {r_.emit("Sqrt", names)});
    case Op::expm1:
      return r_.emit("Sub", {r_.emit("Exp", names), literal(1)});
    case Op::log1p:
      return r_.emit("Log", {r_.emit("Add", {args[0], literal(1)})});
    case Op::logical_not:
      return bitwise("Not", "BitwiseNot");
    case Op::logical_and:
      return bitwise("And", "BitwiseAnd");
    case Op::logical_or:
      return bitwise("Or", "BitwiseOr");
    case Op::logical_xor:
      return bitwise("Xor", "BitwiseXor");
    case Op::mod:
    case Op::rem:
      return spell_modulo(in, args);
    case Op::shl:
    case Op::shr:
      if (is_signed_integer(in.dtype)) r_.needs(28);
      return r_.emit("BitShift", names,
                     {attribute("direction", in.op == Op::shl ? "LEFT" : "RIGHT")});
    case Op::cast:
    case Op::bits:
      return spell_conversion(in, args);
    case Op::quantize:
      return spell_quantize(in, args);
    case Op::dequantize:
      return spell_dequantize(in, args);
    case Op::index:
    case Op::extent:
      return spell_position(in);
    default:
      return r_.refuse("instruction '" + std::string(pointwise_op_name(in.op)) +
                       "' has no spelling");
  }
}

Result<Name> PointwiseRaising::spell_modulo(const Instruction& in, std::span<const Name> args) {
  const Raising::Names names(args.begin(), args.end());
  if (in.op == Op::rem) return r_.emit("Mod", names, {attribute("fmod", std::int64_t{1})});
  if (is_floating(in.dtype)) r_.needs(28);
  return r_.emit("Mod", names);
}

Result<Name> PointwiseRaising::spell_conversion(const Instruction& in, std::span<const Name> args) {
  const DType from = arg_dtype(in, 0);
  r_.needs(from);
  const std::int64_t code = dtype_info(in.dtype).onnx_code;
  if (in.op == Op::bits) {
    r_.needs(26);
    return r_.emit("BitCast", {args[0]}, {attribute("to", code)});
  }
  Raising::Attributes attributes = {attribute("to", code)};
  if (!in.saturate) {
    r_.needs(19);
    attributes.push_back(attribute("saturate", std::int64_t{0}));
  }
  if (in.dtype == DType::f8e8m0 && in.rounding != CastRounding::up)
    attributes.push_back(
        attribute("round_mode", in.rounding == CastRounding::down ? "down" : "nearest"));
  return r_.emit("Cast", {args[0]}, std::move(attributes));
}

// --- quantization ---

std::optional<LinearOperand> PointwiseRaising::linear_operand(Ref ref) const {
  LinearOperand out;
  if (ref.kind == Ref::Kind::result) return std::nullopt;
  if (ref.kind == Ref::Kind::constant) {
    out.constant = p_.constants[static_cast<std::size_t>(ref.index)];
  } else {
    out.operand = static_cast<std::size_t>(ref.index);
  }
  return out;
}

Result<Name> PointwiseRaising::spell_quantize(const Instruction& in, std::span<const Name> args) {
  Linear linear;
  linear.quantize = true;
  linear.x = args[0];
  linear.x_dtype = arg_dtype(in, 0);
  linear.dtype = in.dtype;
  linear.scale_dtype = arg_dtype(in, 1);
  linear.precision = in.precision;
  linear.saturate = in.saturate;
  if (r_.result_type(0).ranked()) linear.rank = r_.result_type(0).rank();
  const auto scale = linear_operand(in.args[1]), zero = linear_operand(in.args[2]);
  if (scale && zero) {
    if (const auto name = spell_linear(r_, linear, *scale, *zero)) return *name;
  }
  if (!is_integer(in.dtype)) return r_.refuse("a quantization of this granularity has no spelling");
  const DType wide = in.precision;
  const Name quotient = r_.emit(
      "Div", {r_.cast(args[0], linear.x_dtype, wide), r_.cast(args[1], linear.scale_dtype, wide)});
  Name shifted = r_.emit("Add", {r_.emit("Round", {quotient}), r_.cast(args[2], in.dtype, wide)});
  const auto [low, high] = integer_range(in.dtype);
  shifted = r_.emit("Clip", {shifted, r_.number(wide, low), r_.number(wide, high)});
  return r_.cast(shifted, wide, in.dtype);
}

Result<Name> PointwiseRaising::spell_dequantize(const Instruction& in, std::span<const Name> args) {
  Linear linear;
  linear.x = args[0];
  linear.x_dtype = arg_dtype(in, 0);
  linear.dtype = in.dtype;
  linear.scale_dtype = arg_dtype(in, 1);
  if (r_.result_type(0).ranked()) linear.rank = r_.result_type(0).rank();
  const auto scale = linear_operand(in.args[1]), zero = linear_operand(in.args[2]);
  if (scale && zero) {
    if (const auto name = spell_linear(r_, linear, *scale, *zero)) return *name;
  }
  const Name q = r_.cast(args[0], linear.x_dtype, DType::f32);
  const Name difference = r_.emit("Sub", {q, r_.cast(args[2], linear.x_dtype, DType::f32)});
  return r_.emit("Mul", {r_.cast(difference, DType::f32, in.dtype),
                         r_.cast(args[1], linear.scale_dtype, in.dtype)});
}

// --- positions and shapes ---

// The extent of an axis of the result as an i64 vector of one element.
Result<Name> PointwiseRaising::extent_of_result(int axis) {
  const gossamer::Type& type = r_.result_type(0);
  if (!type.ranked()) return r_.refuse("the rank of the result is not known");
  const Dim& wanted = type.dim(axis);
  if (const auto n = wanted.constant()) return r_.ints({*n});
  Raising::Names candidates;
  for (std::size_t i = 0; i < p_.inputs.size(); ++i) {
    const gossamer::Type& t = r_.type(i);
    if (!t.ranked()) return r_.refuse("the rank of an operand is not known");
    const int own = axis - (type.rank() - t.rank());
    if (own < 0 || t.dim(own) == Dim(1)) continue;
    const Name extent = r_.extent(r_.operand(i), t, own);
    if (t.dim(own) == wanted) return extent;
    candidates.push_back(extent);
  }
  if (a_.has_extent) {
    const gossamer::Type& t = r_.type(p_.inputs.size());
    const std::optional<std::int64_t> length =
        t.ranked() && t.rank() == 1 ? t.dim(0).constant() : std::nullopt;
    if (!length) return r_.refuse("the length of the extent is not known");
    const std::int64_t own = axis - (type.rank() - *length);
    if (own >= 0)
      candidates.push_back(r_.emit("Gather", {r_.operand(p_.inputs.size()), r_.ints({own})}));
  }
  if (candidates.empty()) return r_.ints({1});
  return candidates.size() == 1 ? candidates[0] : r_.emit("Max", candidates);
}

Result<Name> PointwiseRaising::spell_position(const Instruction& in) {
  ASSIGN(const Name extent, extent_of_result(in.axis));
  const Name count = r_.squeeze(extent, {0});
  if (in.op == Op::extent) return count;
  const Name range = r_.emit("Range", {r_.integer(0), count, r_.integer(1)});
  std::vector<std::int64_t> ones;
  for (int d = 1; d < r_.result_type(0).rank() - in.axis; ++d) ones.push_back(d);
  return r_.unsqueeze(range, ones);
}

// A result that does not depend on every input still has the shape of all.
Result<Name> PointwiseRaising::broadcast(const Made& made, std::size_t result) {
  const gossamer::Type& wanted = r_.result_type(result);
  const auto covers = [&](std::size_t i) {
    return made.reads.contains(i) && r_.type(i).ranked() && wanted.ranked() &&
           r_.type(i).shape == wanted.shape;
  };
  Name name = made.name;
  for (std::size_t i = 0; i < p_.inputs.size(); ++i)
    if (covers(i)) return name;
  for (std::size_t i = 0; i < p_.inputs.size(); ++i) {
    const gossamer::Type& t = r_.type(i);
    if (made.reads.contains(i) || (t.ranked() && t.rank() == 0)) continue;
    name = r_.emit("Expand", {name, r_.emit("Shape", {r_.operand(i)})});
  }
  if (a_.has_extent) name = r_.emit("Expand", {name, r_.operand(p_.inputs.size())});
  return name;
}

Status PointwiseRaising::run() {
  for (std::size_t i = 0; i < p_.results.size(); ++i) {
    if (!r_.has_result(i)) continue;
    ASSIGN(const Made made, make(p_.results[i]));
    ASSIGN(const Name name, broadcast(made, i));
    r_.result(i, name);
  }
  return {};
}

}  // namespace

Status raise_pointwise(Raising& r) { return PointwiseRaising(r).run(); }

}  // namespace gossamer::onnx
