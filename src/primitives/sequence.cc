// Sequences. Of an item's type only numbers hold: a symbol may stand for another extent in each
// item.
#include "reference/sequence.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status expect_sequence(const InferContext& c) {
  if (c.has(0) && c.type(0).kind == Type::Kind::sequence) return {};
  return malformed("expected a sequence");
}

Status expect_position(const InferContext& c, std::size_t i) {
  if (!c.has(i)) return {};
  TRY(c.expect_tensor(i, "the position"));
  if (c.type(i).dtype == DType::i32 || c.type(i).dtype == DType::i64) return {};
  return malformed("a position must be i32 or i64, but is " + c.type(i).to_string());
}

Type of_unknown_extents(Type type, const InferContext& c) {
  if (type.element)
    type.element = std::make_shared<const Type>(of_unknown_extents(*type.element, c));
  if (type.shape)
    for (Dim& d : *type.shape)
      if (!d.is_constant()) d = c.fresh();
  return type;
}

Result<Type> item_type(const InferContext& c) {
  TRY(expect_sequence(c));
  if (!c.type(0).element) return malformed("the type of the sequence's items is not known");
  return of_unknown_extents(*c.type(0).element, c);
}

Status infer_make(const SequenceMakeAttributes& a, InferContext& c) {
  Type item = Type::tensor(a.dtype, std::optional<DimVector>());
  for (std::size_t i = 0; i < c.operand_count(); ++i) {
    if (!c.has(i)) return malformed("an item is missing");
    if (i == 0) {
      item = c.type(0);
      continue;
    }
    ASSIGN(item, join(item, c.type(i), [&] { return c.fresh(); }));
  }
  c.set(0, Type::sequence(std::move(item)));
  return {};
}

Status infer_at(const NoAttributes&, InferContext& c) {
  ASSIGN(Type item, item_type(c));
  TRY(expect_position(c, 1));
  c.set(0, std::move(item));
  return {};
}

Status infer_insert(const NoAttributes&, InferContext& c) {
  TRY(expect_sequence(c));
  TRY(expect_position(c, 2));
  Type item = c.type(1);
  if (c.type(0).element) {
    ASSIGN(item, join(*c.type(0).element, c.type(1), [&] { return c.fresh(); }));
  }
  c.set(0, Type::sequence(std::move(item)));
  return {};
}

Status infer_erase(const NoAttributes&, InferContext& c) {
  TRY(expect_sequence(c));
  TRY(expect_position(c, 1));
  c.set(0, c.type(0));
  return {};
}

Status infer_length(const NoAttributes&, InferContext& c) {
  TRY(expect_sequence(c));
  c.set(0, DType::i64, {});
  return {};
}

// The extent that every part has on the axis, when that is one number.
std::optional<Dim> part_extent(const InferContext& c, const Dim& whole) {
  if (!c.has(1)) return Dim(1);
  const std::optional<DimVector> lengths = c.contents(1);
  if (!lengths || lengths->empty() || !(*lengths)[0].is_constant()) return std::nullopt;
  for (const Dim& d : *lengths)
    if (!(d == (*lengths)[0])) return std::nullopt;
  if (c.type(1).rank() != 0) return (*lengths)[0];
  const std::optional<std::int64_t> n = whole.constant(), part = (*lengths)[0].constant();
  return n && *part > 0 && *n % *part == 0 ? std::optional((*lengths)[0]) : std::nullopt;
}

Status infer_split(const SequenceSplitAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  if (c.has(1)) TRY(c.expect_ranked(1, "the lengths", 0, 1));
  TRY(expect_position(c, 1));
  Type item = c.type(0);
  if (item.shape) {
    if (a.axis < 0 || a.axis >= item.rank()) return malformed("axis out of range");
    Dim& extent = (*item.shape)[static_cast<std::size_t>(a.axis)];
    const std::optional<Dim> part = part_extent(c, extent);
    extent = part ? *part : c.fresh();
    if (!a.keep && !c.has(1)) item.shape->erase(item.shape->begin() + a.axis);
  }
  c.set(0, Type::sequence(std::move(item)));
  return {};
}

Status infer_join(const SequenceJoinAttributes& a, InferContext& c) {
  ASSIGN(Type item, item_type(c));
  if (!item.is_tensor()) return malformed("only tensors can be joined");
  if (item.shape) {
    ASSIGN(const int axis, normalize_axis(a.axis, item.rank() + (a.new_axis ? 1 : 0)));
    if (a.new_axis)
      item.shape->insert(item.shape->begin() + axis, c.fresh());
    else
      (*item.shape)[static_cast<std::size_t>(axis)] = c.fresh();
  }
  c.set(0, std::move(item));
  return {};
}

Status infer_optional(const OptionalMakeAttributes& a, InferContext& c) {
  if (c.has(0)) {
    c.set(0, Type::optional(c.type(0)));
    return {};
  }
  Result<Type> type = Type::parse(a.type);
  if (!type.ok()) return std::move(type).status().in("the optional's type");
  c.set(0, Type::optional(std::move(type).value()));
  return {};
}

Status infer_get(const NoAttributes&, InferContext& c) {
  if (!c.has(0)) return malformed("input is missing");
  const Type& type = c.type(0);
  if (type.kind == Type::Kind::optional && !type.element)
    return malformed("the type of the optional's value is not known");
  c.set(0, type.kind == Type::Kind::optional ? *type.element : type);
  return {};
}

Status infer_has(const NoAttributes&, InferContext& c) {
  c.set(0, DType::boolean, {});
  return {};
}

}  // namespace

constinit const Primitive kSequenceMake =
    make_primitive<SequenceMakeAttributes, infer_make, reference::sequence_make>(
        "sequence_make", {.min_operands = 0, .max_operands = kAnyNumber}, kOpaque);
constinit const Primitive kSequenceAt =
    make_primitive<NoAttributes, infer_at, reference::sequence_at>(
        "sequence_at", {.min_operands = 2, .max_operands = 2}, kLateExtents | kOpaque);
constinit const Primitive kSequenceInsert =
    make_primitive<NoAttributes, infer_insert, reference::sequence_insert>(
        "sequence_insert", {.min_operands = 2, .max_operands = 3}, kOpaque);
constinit const Primitive kSequenceErase =
    make_primitive<NoAttributes, infer_erase, reference::sequence_erase>(
        "sequence_erase", {.min_operands = 1, .max_operands = 2}, kOpaque);
constinit const Primitive kSequenceLength =
    make_primitive<NoAttributes, infer_length, reference::sequence_length>("sequence_length", {},
                                                                           kOpaque);
constinit const Primitive kSequenceSplit =
    make_primitive<SequenceSplitAttributes, infer_split, reference::sequence_split>(
        "sequence_split", {.min_operands = 1, .max_operands = 2}, kLateExtents | kOpaque);
constinit const Primitive kSequenceJoin =
    make_primitive<SequenceJoinAttributes, infer_join, reference::sequence_join>(
        "sequence_join", {}, kLateExtents | kOpaque);
constinit const Primitive kOptionalMake =
    make_primitive<OptionalMakeAttributes, infer_optional, reference::optional_make>(
        "optional_make", {.min_operands = 0, .max_operands = 1}, kOpaque);
constinit const Primitive kOptionalGet =
    make_primitive<NoAttributes, infer_get, reference::optional_get>("optional_get", {}, kOpaque);
constinit const Primitive kOptionalHas =
    make_primitive<NoAttributes, infer_has, reference::optional_has>(
        "optional_has", {.min_operands = 0, .max_operands = 1}, kOpaque);

}  // namespace gossamer
