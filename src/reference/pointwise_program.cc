// What a Pointwise program may say: names and operand counts of instructions, the dtype rules.
#include <string>

#include "reference/pointwise.h"

namespace gossamer {
namespace {

enum class Rule : std::uint8_t { same, predicate, special };

struct OpInfo {
  std::string_view name;
  int operands;
  Rule rule;
};

constexpr OpInfo kOps[] = {
#define POINTWISE_OP(name, operands, kind) {#name, operands, Rule::kind},
#include "reference/pointwise_ops.def"
#undef POINTWISE_OP
};

const OpInfo& info(PointwiseOp op) { return kOps[static_cast<std::size_t>(op)]; }

bool is_arithmetic(DType d) { return is_arithmetic_integer(d) || is_arithmetic_float(d); }
bool is_logical(DType d) { return d == DType::boolean || is_arithmetic_integer(d); }
// Integers, floats and booleans of any width.
bool is_number(DType d) { return is_integer(d) || is_floating(d) || d == DType::boolean; }

// Whether an op of rule `same` or `predicate` is defined on operands of dtype d.
bool accepts(PointwiseOp op, DType d) {
  using enum PointwiseOp;
  switch (op) {
    case neg:
    case abs:
    case sign:
    case add:
    case sub:
    case mul:
    case div:
    case min:
    case max:
    case mod:
    case rem:
    case lt:
    case le:
      return is_arithmetic(d);
    case logical_not:
    case logical_and:
    case logical_or:
    case logical_xor:
      return is_logical(d);
    case shl:
    case shr:
      return is_arithmetic_integer(d);
    case eq:
      return is_number(d);
    default:
      return is_arithmetic_float(d);
  }
}

bool special_fits(const Instruction& in, const std::array<DType, 3>& d) {
  using enum PointwiseOp;
  switch (in.op) {
    case pow:
      return is_arithmetic(d[0]) && is_arithmetic(d[1]) && in.dtype == d[0];
    case select:
      return d[0] == DType::boolean && d[1] == d[2] && d[1] == in.dtype && d[1] != DType::string;
    case quantize:
      return (is_arithmetic_float(d[0]) || is_arithmetic_integer(d[0])) &&
             (is_floating(d[1]) || is_arithmetic_integer(d[1])) && d[2] == in.dtype &&
             is_arithmetic_float(in.precision) &&
             ((is_integer(in.dtype) && dtype_info(in.dtype).file_bits <= 32) ||
              (is_floating(in.dtype) && in.dtype != DType::f32 && in.dtype != DType::f64));
    case dequantize:
      return (is_integer(d[0]) || is_floating(d[0])) &&
             (is_floating(d[1]) || is_arithmetic_integer(d[1])) && d[2] == d[0] &&
             is_arithmetic_float(in.dtype);
    case cast:
      return is_number(d[0]) && is_number(in.dtype);
    case bits:
      return d[0] != DType::string && in.dtype != DType::string &&
             dtype_info(d[0]).file_bits == dtype_info(in.dtype).file_bits;
    case index:
    case extent:
      return in.dtype == DType::i64 && in.axis >= 0 && in.axis < kMaxRank;
    default:
      return false;
  }
}

Status check_ref(const PointwiseProgram& p, Ref ref, std::size_t instructions) {
  const std::size_t size = ref.kind == Ref::Kind::input      ? p.inputs.size()
                           : ref.kind == Ref::Kind::constant ? p.constants.size()
                                                             : instructions;
  if (ref.index < 0 || static_cast<std::size_t>(ref.index) >= size)
    return malformed("program refers to a value that is not there");
  return {};
}

Status check_instruction(const PointwiseProgram& p, std::size_t i) {
  const Instruction& in = p.instructions[i];
  if (static_cast<std::size_t>(in.op) >= std::size(kOps)) return malformed("unknown instruction");
  std::array<DType, 3> d = {};
  const auto count = static_cast<std::size_t>(pointwise_op_operands(in.op));
  std::string types;
  for (std::size_t k = 0; k < count; ++k) {
    TRY(check_ref(p, in.args[k], i));
    d[k] = p.dtype_of(in.args[k]);
    types += (k == 0 ? "" : ", ") + std::string(dtype_name(d[k]));
  }
  bool fits = false;
  if (info(in.op).rule == Rule::special) {
    fits = special_fits(in, d);
  } else {
    const DType result = info(in.op).rule == Rule::predicate ? DType::boolean : d[0];
    fits = accepts(in.op, d[0]) && (count < 2 || d[0] == d[1]) && in.dtype == result;
  }
  if (fits) return {};
  return malformed("'" + std::string(pointwise_op_name(in.op)) + "' is not defined from (" + types +
                   ") to " + std::string(dtype_name(in.dtype)));
}

}  // namespace

std::string_view pointwise_op_name(PointwiseOp op) {
  const std::string_view name = info(op).name;
  constexpr std::string_view kPrefix = "logical_";
  return name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
}

int pointwise_op_operands(PointwiseOp op) { return info(op).operands; }

DType PointwiseProgram::dtype_of(Ref ref) const {
  const auto i = static_cast<std::size_t>(ref.index);
  switch (ref.kind) {
    case Ref::Kind::input:
      return inputs[i];
    case Ref::Kind::constant:
      return constants[i].dtype;
    case Ref::Kind::result:
      return instructions[i].dtype;
  }
  return DType::f32;
}

Status validate(const PointwiseProgram& p) {
  if (p.instructions.size() > kMaxInstructions)
    return malformed("program has " + std::to_string(p.instructions.size()) +
                     " instructions, at most " + std::to_string(kMaxInstructions) + " are allowed");
  if (p.results.empty()) return malformed("program has no result");
  for (DType d : p.inputs)
    if (d == DType::string) return malformed("strings are not computed elementwise");
  for (const Scalar& s : p.constants)
    if (!is_number(s.dtype)) return malformed("a constant is neither a number nor a boolean");
  for (std::size_t i = 0; i < p.instructions.size(); ++i) TRY(check_instruction(p, i));
  for (Ref r : p.results) TRY(check_ref(p, r, p.instructions.size()));
  return {};
}

}  // namespace gossamer
