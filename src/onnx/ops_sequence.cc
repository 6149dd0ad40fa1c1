// Sequences and optionals.
#include "onnx/lowering.h"
#include "reference/sequence.h"

namespace gossamer::onnx {
namespace {

Status add(Lowering& l, const Primitive& primitive, AttributePtr attributes) {
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < l.input_count(); ++i)
    operands.push_back(l.has_input(i) ? l.input(i) : kNoValue);
  while (!operands.empty() && operands.back() == kNoValue) operands.pop_back();
  ASSIGN(std::vector<ValueId> r,
         l.b().add(primitive, std::move(attributes), std::move(operands), 1));
  l.output(0, r[0]);
  return {};
}

Status add(Lowering& l, const Primitive& primitive) {
  return add(l, primitive, make_attributes(NoAttributes{}));
}

bool is_optional(Lowering& l, std::size_t i) {
  return l.type(i).kind == gossamer::Type::Kind::optional;
}

}  // namespace

Status lower_sequence_at(Lowering& l) { return add(l, kSequenceAt); }
Status lower_sequence_erase(Lowering& l) { return add(l, kSequenceErase); }
Status lower_sequence_insert(Lowering& l) { return add(l, kSequenceInsert); }
Status lower_sequence_length(Lowering& l) { return add(l, kSequenceLength); }

Status lower_sequence_construct(Lowering& l) {
  for (std::size_t i = 0; i < l.input_count(); ++i)
    if (!l.has_input(i) || !l.type(i).is_tensor())
      return l.wrong("input " + std::to_string(i) + " is not a tensor");
  return add(l, kSequenceMake, make_attributes(SequenceMakeAttributes{}));
}

Status lower_sequence_empty(Lowering& l) {
  ASSIGN(DType dtype, l.dtype_or("dtype", DType::f32));
  return add(l, kSequenceMake, make_attributes(SequenceMakeAttributes{dtype}));
}

Status lower_split_to_sequence(Lowering& l) {
  ASSIGN(std::int64_t attribute, l.int_or("axis", 0));
  ASSIGN(std::int64_t keep, l.int_or("keepdims", 1));
  ASSIGN(int rank, l.rank(0));
  ASSIGN(int axis, l.axis(attribute, rank));
  return add(l, kSequenceSplit, make_attributes(SequenceSplitAttributes{axis, keep != 0}));
}

Status lower_concat_from_sequence(Lowering& l) {
  ASSIGN(std::int64_t axis, l.required_int("axis"));
  ASSIGN(std::int64_t new_axis, l.int_or("new_axis", 0));
  if (axis < -kMaxRank || axis > kMaxRank) return l.wrong("attribute 'axis' is out of range");
  return add(l, kSequenceJoin,
             make_attributes(SequenceJoinAttributes{static_cast<int>(axis), new_axis != 0}));
}

// --- optionals ---

namespace {

Result<std::string> type_text(const Lowering& l, const Type& t, int depth) {
  if (t.kind == Type::Kind::tensor) return std::string(dtype_name(t.dtype)) + "[*]";
  const bool sequence = t.kind == Type::Kind::sequence;
  if ((!sequence && t.kind != Type::Kind::optional) || !t.element || depth > 8)
    return l.refuse("only tensors, sequences and optionals are supported");
  ASSIGN(std::string element, type_text(l, *t.element, depth + 1));
  return (sequence ? "seq(" : "opt(") + element + ")";
}

}  // namespace

Status lower_optional(Lowering& l) {
  OptionalMakeAttributes a;
  if (!l.has_input(0)) {
    const Attribute* type = l.find("type");
    if (type == nullptr || type->kind != Attribute::Kind::type || type->types.size() != 1)
      return l.wrong("without input, attribute 'type' must give a type");
    ASSIGN(a.type, type_text(l, type->types[0], 0));
  }
  return add(l, kOptionalMake, make_attributes(std::move(a)));
}

Status lower_optional_get_element(Lowering& l) {
  if (is_optional(l, 0)) return add(l, kOptionalGet);
  l.output(0, l.input(0));
  return {};
}

Status lower_optional_has_element(Lowering& l) {
  if (l.has_input(0) && is_optional(l, 0)) return add(l, kOptionalHas);
  l.output(0, l.b().constant(Tensor::scalar<bool>(l.has_input(0))));
  return {};
}

}  // namespace gossamer::onnx
