// What a VectorProgram may say, its checks, and its form in packages.
#include "kernels/pointwise/program.h"

#include <algorithm>
#include <string>

#include "kernels/pointwise/elements.h"

namespace gossamer::kernels {
namespace {

struct OpInfo {
  std::string_view name;
  std::string_view types;
};
constexpr OpInfo kOps[] = {
#define VECTOR_OP(name, operands, types) {#name, types},
#include "kernels/pointwise/vector_ops.def"
#undef VECTOR_OP
};
constexpr std::string_view kTypeNames[] = {"f32", "f64", "i32", "i64", "boolean"};
constexpr char kTypeLetters[] = {'f', 'd', 'i', 'l', 'b'};

const OpInfo& info(VectorOp op) { return kOps[static_cast<std::size_t>(op)]; }

bool narrows_to(VectorType type, DType dtype) {
  if (type == VectorType::f32) return dtype == DType::f16 || dtype == DType::bf16;
  if (type == VectorType::i64) return dtype == DType::u32;
  return is_integer(dtype) && dtype_info(dtype).file_bits <= 16;
}

bool is_predicate(VectorOp op) {
  return op == VectorOp::isnan || op == VectorOp::eq || op == VectorOp::lt || op == VectorOp::le;
}

// The lane type of operand k.
VectorType operand_type(const VectorInstruction& in, int k) {
  if (in.op == VectorOp::select && k == 0) return VectorType::boolean;
  if (in.op == VectorOp::quantize && k == 2) return VectorType::i32;
  return in.type;
}

bool types_fit(const VectorInstruction& in) {
  if (!supported(in.op, in.type)) return false;
  switch (in.op) {
    case VectorOp::cast:
      return in.to != in.type;
    case VectorOp::narrow:
      return in.to == in.type && narrows_to(in.type, in.dtype);
    case VectorOp::quantize:
      return in.to == VectorType::i32 && narrows_to(VectorType::i32, in.dtype);
    default:
      return in.to == (is_predicate(in.op) ? VectorType::boolean : in.type);
  }
}

// The lane type of an operand, or nothing where it is not there.
std::optional<VectorType> type_of(const VectorProgram& p, VectorOperand v,
                                  const std::optional<VectorType>* registers) {
  switch (v.kind) {
    case VectorOperand::Kind::reg:
      if (v.index < p.registers) return registers[v.index];
      break;
    case VectorOperand::Kind::input:
      if (v.index < p.inputs.size()) return lane_type(p.inputs[v.index]);
      break;
    case VectorOperand::Kind::constant:
      if (v.index < p.constants.size()) return p.constants[v.index].type;
      break;
  }
  return std::nullopt;
}

bool is_wide(VectorType t) { return t == VectorType::f64 || t == VectorType::i64; }

Status check_instruction(const VectorProgram& p, const VectorInstruction& in,
                         std::optional<VectorType>* registers) {
  if (static_cast<int>(in.op) >= kVectorOps || static_cast<int>(in.type) >= kVectorTypes ||
      static_cast<int>(in.to) >= kVectorTypes || !types_fit(in))
    return malformed("unknown instruction");
  for (int k = 0; k < vector_op_operands(in.op); ++k) {
    const VectorOperand v = in.args[static_cast<std::size_t>(k)];
    const auto type = type_of(p, v, registers);
    if (!type || *type != operand_type(in, k))
      return malformed("operand " + std::to_string(k) + " of '" +
                       std::string(vector_op_name(in.op)) + "' does not fit");
    // Lanes of another size must not be overwritten while they are read.
    if (v.kind == VectorOperand::Kind::reg && v.index == in.result &&
        is_wide(*type) != is_wide(in.to))
      return malformed("an instruction overwrites its operand");
  }
  if (in.result >= p.registers) return malformed("an instruction writes no register");
  registers[in.result] = in.to;
  return {};
}

}  // namespace

std::string_view vector_op_name(VectorOp op) { return info(op).name; }

std::optional<VectorOp> vector_op_of(std::string_view name) {
  constexpr std::string_view kPrefix = "logical_";
  for (int i = 0; i < kVectorOps; ++i) {
    const std::string_view n = kOps[i].name;
    if (n == name || (n.starts_with(kPrefix) && n.substr(kPrefix.size()) == name))
      return static_cast<VectorOp>(i);
  }
  return std::nullopt;
}

bool supported(VectorOp op, VectorType type) {
  return info(op).types.find(kTypeLetters[static_cast<std::size_t>(type)]) !=
         std::string_view::npos;
}

std::optional<VectorType> lane_type(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return VectorType::boolean;
    case DType::f16:
    case DType::bf16:
    case DType::f32:
      return VectorType::f32;
    case DType::f64:
      return VectorType::f64;
    case DType::u32:
    case DType::i64:
      return VectorType::i64;
    case DType::u64:
      return std::nullopt;
    default:
      return is_integer(dtype) ? std::optional(VectorType::i32) : std::nullopt;
  }
}

Element element_of(DType dtype) {
  // Lane types are had by these alone.
  static_assert(static_cast<int>(DType::boolean) == static_cast<int>(Element::boolean) &&
                static_cast<int>(DType::i64) == static_cast<int>(Element::i64) &&
                static_cast<int>(DType::u32) == static_cast<int>(Element::u32));
  switch (dtype) {
    case DType::bf16:
      return Element::bf16;
    case DType::f16:
      return Element::f16;
    case DType::f32:
      return Element::f32;
    case DType::f64:
      return Element::f64;
    default:
      return static_cast<Element>(dtype);
  }
}

bool lies_in_lanes(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::i32 || dtype == DType::i64;
}

Status validate(const VectorProgram& p) {
  if (p.inputs.size() > kMaxVectorInputs || p.outputs.size() > kMaxVectorInputs ||
      p.constants.size() > kMaxVectorConstants || p.registers < 0 ||
      p.registers > kMaxVectorRegisters || p.instructions.size() > kMaxVectorInstructions)
    return malformed("a vector program is too large");
  if (p.results.size() != p.outputs.size())
    return malformed("a vector program does not say what its outputs are");
  for (const DType d : p.inputs)
    if (!lane_type(d)) return malformed("no lane holds " + std::string(dtype_name(d)));
  for (const VectorConstant& c : p.constants)
    if (static_cast<int>(c.type) >= kVectorTypes) return malformed("a constant has no type");
  std::array<std::optional<VectorType>, kMaxVectorRegisters> registers{};
  for (const VectorInstruction& in : p.instructions)
    TRY(check_instruction(p, in, registers.data()));
  for (std::size_t i = 0; i < p.results.size(); ++i) {
    const auto type = type_of(p, p.results[i], registers.data());
    if (!type || type != lane_type(p.outputs[i])) return malformed("a result does not fit");
  }
  return {};
}

void derive(VectorProgram& p) {
  p.wide = false;
  const auto note = [&](VectorType t) { p.wide = p.wide || is_wide(t); };
  const auto memory = [](DType d) {
    const auto bytes = static_cast<std::uint8_t>(dtype_size(d));
    const std::uint8_t lane = is_wide(*lane_type(d)) ? 8 : 4;
    return VectorMemory{element_of(d), bytes, lane, lies_in_lanes(d)};
  };
  p.input_memory.clear();
  p.output_memory.clear();
  for (const DType d : p.inputs) p.input_memory.push_back(memory(d));
  for (const DType d : p.outputs) p.output_memory.push_back(memory(d));
  for (const DType d : p.inputs) note(*lane_type(d));
  for (const VectorConstant& c : p.constants) note(c.type);
  p.direct.assign(p.instructions.size(), -1);
  // An output may be the memory of an input, so it is written only once no input is read any more.
  std::size_t last_read = 0;
  for (std::size_t i = 0; i < p.instructions.size(); ++i) {
    const VectorInstruction& in = p.instructions[i];
    note(in.to);
    for (int k = 0; k < vector_op_operands(in.op); ++k)
      if (in.args[static_cast<std::size_t>(k)].kind == VectorOperand::Kind::input) last_read = i;
  }
  for (const VectorOperand& r : p.results)
    if (r.kind == VectorOperand::Kind::input) return;
  for (std::size_t o = 0; o < p.results.size(); ++o) {
    const VectorOperand r = p.results[o];
    if (r.kind != VectorOperand::Kind::reg || !lies_in_lanes(p.outputs[o])) continue;
    // From the end: the instruction that writes the register, unless another reads it first or
    // another output wants it, too.
    if (std::count(p.results.begin(), p.results.end(), r) != 1) continue;
    for (std::size_t i = p.instructions.size(); i-- > last_read;) {
      const VectorInstruction& in = p.instructions[i];
      if (in.result == r.index) {
        p.direct[i] = static_cast<std::int8_t>(o);
        break;
      }
      const auto used =
          std::span(in.args).first(static_cast<std::size_t>(vector_op_operands(in.op)));
      if (std::find(used.begin(), used.end(), r) != used.end()) break;
    }
  }
}

// --- packages: lists of words and whole numbers ---

namespace {

AttributeValue number(std::int64_t v) { return {v}; }
AttributeValue word(std::string_view v) { return {Word{std::string(v)}}; }
std::string_view type_name(VectorType t) { return kTypeNames[static_cast<std::size_t>(t)]; }
// reg, input, constant in the two low bits.
AttributeValue operand(VectorOperand v) {
  return number(v.index * 4 + static_cast<std::int64_t>(v.kind));
}

// Reads one list, entry by entry; the first failure stays.
class Reader {
 public:
  explicit Reader(const AttributeValue& v) : list_(std::get_if<AttributeValue::List>(&v.value)) {
    if (list_ == nullptr) status_ = malformed("expected a list [...]");
  }

  bool more() const { return status_.ok() && at_ < list_->size(); }
  Status finish() {
    if (more()) return malformed("a vector program has an entry too many");
    return status_;
  }
  const AttributeValue* next() {
    if (more()) return &(*list_)[at_++];
    if (status_.ok()) status_ = malformed("a vector program ends early");
    return nullptr;
  }
  std::int64_t whole(std::int64_t limit) {
    const AttributeValue* v = next();
    if (v == nullptr) return 0;
    const auto* n = std::get_if<std::int64_t>(&v->value);
    if (n != nullptr && *n >= 0 && *n < limit) return *n;
    fail();
    return 0;
  }
  std::uint64_t bits() {
    const AttributeValue* v = next();
    if (v == nullptr) return 0;
    if (const auto* n = std::get_if<std::int64_t>(&v->value)) return static_cast<std::uint64_t>(*n);
    fail();
    return 0;
  }
  VectorOperand operand() {
    const auto n = whole(4 * 256);
    if (n % 4 == 3) fail();
    return {static_cast<VectorOperand::Kind>(n % 4 % 3), static_cast<std::uint8_t>(n / 4)};
  }
  DType dtype() {
    const std::string name = text();
    const auto d = dtype_from_name(name);
    if (!d) fail();
    return d.value_or(DType::f32);
  }
  VectorType type() {
    const std::string name = text();
    const auto* at = std::find(std::begin(kTypeNames), std::end(kTypeNames), name);
    if (at != std::end(kTypeNames)) return static_cast<VectorType>(at - kTypeNames);
    fail();
    return VectorType::f32;
  }
  VectorOp op() {
    const auto op = vector_op_of(text());
    if (!op) fail();
    return op.value_or(VectorOp::add);
  }

 private:
  std::string text() {
    const AttributeValue* v = next();
    if (v == nullptr) return {};
    if (const auto* w = std::get_if<Word>(&v->value)) return w->text;
    fail();
    return {};
  }
  void fail() {
    if (status_.ok()) status_ = malformed("a vector program has an entry that does not fit");
  }

  const AttributeValue::List* list_;
  std::size_t at_ = 0;
  Status status_;
};

// Calls f(reader) for every entry of the next list.
template <class F>
Status each(Reader& from, std::size_t limit, F f) {
  const AttributeValue* v = from.next();
  if (v == nullptr) return from.finish();
  Reader list(*v);
  for (std::size_t n = 0; list.more(); ++n) {
    if (n == limit) return malformed("a vector program is too large");
    f(list);
  }
  return list.finish();
}

}  // namespace

AttributeValue to_attribute(const VectorProgram& p) {
  using List = AttributeValue::List;
  List inputs, outputs, constants, instructions, results;
  for (const DType d : p.inputs) inputs.push_back(word(dtype_name(d)));
  for (const DType d : p.outputs) outputs.push_back(word(dtype_name(d)));
  for (const VectorConstant& c : p.constants) {
    constants.push_back(word(type_name(c.type)));
    constants.push_back(number(static_cast<std::int64_t>(c.bits)));
  }
  for (const VectorInstruction& in : p.instructions) {
    instructions.push_back(word(vector_op_name(in.op)));
    instructions.push_back(word(type_name(in.type)));
    instructions.push_back(word(type_name(in.to)));
    instructions.push_back(word(dtype_name(in.dtype)));
    instructions.push_back(number(in.result));
    for (int k = 0; k < vector_op_operands(in.op); ++k)
      instructions.push_back(operand(in.args[static_cast<std::size_t>(k)]));
  }
  for (const VectorOperand r : p.results) results.push_back(operand(r));
  return {List{{std::move(inputs)},
               {std::move(outputs)},
               {std::move(constants)},
               {std::move(instructions)},
               {std::move(results)},
               number(p.registers)}};
}

Result<VectorProgram> from_attribute(const AttributeValue& v, std::type_identity<VectorProgram>) {
  VectorProgram p;
  Reader parts(v);
  TRY(each(parts, kMaxVectorInputs, [&](Reader& r) { p.inputs.push_back(r.dtype()); }));
  TRY(each(parts, kMaxVectorInputs, [&](Reader& r) { p.outputs.push_back(r.dtype()); }));
  TRY(each(parts, kMaxVectorConstants, [&](Reader& r) {
    const VectorType type = r.type();
    p.constants.push_back({type, r.bits()});
  }));
  TRY(each(parts, kMaxVectorInstructions, [&](Reader& r) {
    VectorInstruction in;
    in.op = r.op();
    in.type = r.type();
    in.to = r.type();
    in.dtype = r.dtype();
    in.result = static_cast<std::uint8_t>(r.whole(kMaxVectorRegisters));
    for (int k = 0; k < vector_op_operands(in.op); ++k)
      in.args[static_cast<std::size_t>(k)] = r.operand();
    p.instructions.push_back(in);
  }));
  TRY(each(parts, kMaxVectorInputs, [&](Reader& r) { p.results.push_back(r.operand()); }));
  p.registers = static_cast<int>(parts.whole(kMaxVectorRegisters + 1));
  TRY(parts.finish());
  TRY(validate(p));
  derive(p);
  return p;
}

}  // namespace gossamer::kernels
