// If and Loop with their bodies, sequences and optionals.
#include <algorithm>

#include "graph/type.h"
#include "onnx/graph_writer.h"
#include "onnx/raise.h"
#include "reference/loop.h"
#include "reference/sequence.h"

namespace gossamer::onnx {
namespace {

Status set_results(Raising& r, const Raising::Names& names) {
  for (std::size_t i = 0; i < names.size(); ++i) r.result(i, names[i]);
  return {};
}

}  // namespace

Status raise_if(Raising& r) {
  ASSIGN(auto then_branch, r.body(0, 1));
  ASSIGN(auto else_branch, r.body(1, 1));
  return set_results(r, r.emit_many("If", {r.operand(0)}, r.result_count(),
                                    {attribute("then_branch", std::move(then_branch)),
                                     attribute("else_branch", std::move(else_branch))}));
}

namespace {

bool any(const std::vector<bool>& v) { return std::find(v.begin(), v.end(), true) != v.end(); }

std::vector<std::int64_t> as_ints(const std::vector<bool>& v) { return {v.begin(), v.end()}; }
std::vector<std::int64_t> as_ints(const std::vector<int>& v) { return {v.begin(), v.end()}; }

bool nonzero(const std::vector<int>& v) {
  return std::any_of(v.begin(), v.end(), [](int x) { return x != 0; });
}

Status raise_scan(Raising& r, const LoopAttributes& a) {
  if (a.scanned() == 0 || r.has(0))
    return r.refuse("a loop that counts without a number has no spelling");
  r.needs(11);  // 8 scans batches
  ASSIGN(auto body, r.body(0, a.own_operands()));
  Raising::Names inputs;
  for (std::size_t i = 2; i < a.own_operands(); ++i) inputs.push_back(r.operand(i));
  Raising::Attributes attributes = {
      attribute("body", std::move(body)),
      attribute("num_scan_inputs", static_cast<std::int64_t>(a.scanned()))};
  if (nonzero(a.axes)) attributes.push_back(attribute("scan_input_axes", as_ints(a.axes)));
  if (any(a.reversed))
    attributes.push_back(attribute("scan_input_directions", as_ints(a.reversed)));
  if (nonzero(a.stacked_axes))
    attributes.push_back(attribute("scan_output_axes", as_ints(a.stacked_axes)));
  if (any(a.stacked_reversed))
    attributes.push_back(attribute("scan_output_directions", as_ints(a.stacked_reversed)));
  return set_results(
      r, r.emit_many("Scan", std::move(inputs), r.result_count(), std::move(attributes)));
}

}  // namespace

Status raise_loop(Raising& r) {
  const auto& a = r.attributes<LoopAttributes>();
  if (!a.conditional) return raise_scan(r, a);
  if (a.scanned() != 0 || nonzero(a.stacked_axes) || any(a.stacked_reversed))
    return r.refuse("a loop that both scans and stops has no spelling");
  ASSIGN(auto body, r.body(0, a.own_operands()));
  Raising::Names inputs;
  for (std::size_t i = 0; i < a.own_operands(); ++i) inputs.push_back(r.operand(i));
  return set_results(r, r.emit_many("Loop", std::move(inputs), r.result_count(),
                                    {attribute("body", std::move(body))}));
}

// --- sequences ---

Status raise_sequence_make(Raising& r) {
  const auto& a = r.attributes<SequenceMakeAttributes>();
  Raising::Names items;
  for (std::size_t i = 0; i < r.operand_count(); ++i) items.push_back(r.operand(i));
  if (items.empty()) {
    const std::int64_t code = dtype_info(a.dtype).onnx_code;
    r.result(0, r.emit("SequenceEmpty", {}, {attribute("dtype", code)}));
  } else {
    r.result(0, r.emit("SequenceConstruct", std::move(items)));
  }
  return {};
}

#define ONE_OPERATOR(function, op)                                                      \
  Status function(Raising& r) {                                                         \
    Raising::Names inputs;                                                              \
    for (std::size_t i = 0; i < r.operand_count(); ++i) inputs.push_back(r.operand(i)); \
    r.result(0, r.emit(op, std::move(inputs)));                                         \
    return {};                                                                          \
  }
ONE_OPERATOR(raise_sequence_at, "SequenceAt")
ONE_OPERATOR(raise_sequence_insert, "SequenceInsert")
ONE_OPERATOR(raise_sequence_erase, "SequenceErase")
ONE_OPERATOR(raise_sequence_length, "SequenceLength")
#undef ONE_OPERATOR

Status raise_sequence_split(Raising& r) {
  const auto& a = r.attributes<SequenceSplitAttributes>();
  Raising::Attributes attributes = {attribute("axis", std::int64_t{a.axis})};
  if (!a.keep) attributes.push_back(attribute("keepdims", std::int64_t{0}));
  r.result(0, r.emit("SplitToSequence", {r.operand(0), r.operand(1)}, std::move(attributes)));
  return {};
}

Status raise_sequence_join(Raising& r) {
  const auto& a = r.attributes<SequenceJoinAttributes>();
  Raising::Attributes attributes = {attribute("axis", std::int64_t{a.axis})};
  if (a.new_axis) attributes.push_back(attribute("new_axis", std::int64_t{1}));
  r.result(0, r.emit("ConcatFromSequence", {r.operand(0)}, std::move(attributes)));
  return {};
}

// --- optionals ---

Status raise_optional_make(Raising& r) {
  r.needs(15);
  if (r.has(0)) {
    r.result(0, r.emit("Optional", {r.operand(0)}));
    return {};
  }
  ASSIGN(const gossamer::Type element,
         gossamer::Type::parse(r.attributes<OptionalMakeAttributes>().type));
  Attribute type;
  type.name = "type";
  type.kind = Attribute::Kind::type;
  type.types.push_back(declared_type(element));
  r.result(0, r.emit("Optional", {}, {std::move(type)}));
  return {};
}

Status raise_optional_get(Raising& r) {
  r.needs(r.type(0).kind == gossamer::Type::Kind::optional ? 15 : 18);
  r.result(0, r.emit("OptionalGetElement", {r.operand(0)}));
  return {};
}

Status raise_optional_has(Raising& r) {
  const bool optional = r.has(0) && r.type(0).kind == gossamer::Type::Kind::optional;
  r.needs(optional ? 15 : 18);
  r.result(0, r.emit("OptionalHasElement", {r.operand(0)}));
  return {};
}

}  // namespace gossamer::onnx
