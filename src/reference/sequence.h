// Sequences and optionals: lists of values, and values that may be missing. Items are shared, never
// copied element by element.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct SequenceMakeAttributes {
  DType dtype = DType::f32;  // of the items' tensors, when there are no items
  static constexpr auto kFields = std::tuple(field("dtype", &SequenceMakeAttributes::dtype));
};

struct SequenceSplitAttributes {
  int axis = 0;      // not negative
  bool keep = true;  // without lengths: keep the axis (of length 1)
  static constexpr auto kFields = std::tuple(field("axis", &SequenceSplitAttributes::axis),
                                             field("keep", &SequenceSplitAttributes::keep));
};

struct SequenceJoinAttributes {
  int axis = 0;           // may be negative: ranks are known while running only
  bool new_axis = false;  // stack on a new axis instead
  static constexpr auto kFields = std::tuple(field("axis", &SequenceJoinAttributes::axis),
                                             field("new_axis", &SequenceJoinAttributes::new_axis));
};

struct OptionalMakeAttributes {
  std::string type;  // the element's type in its text form, when there is no operand
  static constexpr auto kFields = std::tuple(field("type", &OptionalMakeAttributes::type));
};

namespace reference {
// Positions are i32 or i64 scalars and may count from the end; one out of range is malformed.
// operands items.. -> sequence
Status sequence_make(const SequenceMakeAttributes& a, Context& c);
// operands sequence, position -> item
Status sequence_at(const NoAttributes& a, Context& c);
// operands sequence, item [, position in [-n, n], default n] -> sequence
Status sequence_insert(const NoAttributes& a, Context& c);
// operands sequence [, position, default the last] -> sequence
Status sequence_erase(const NoAttributes& a, Context& c);
// operands sequence -> i64 scalar
Status sequence_length(const NoAttributes& a, Context& c);
// operands x [, lengths: a scalar (the last part may be shorter) or a vector that adds up] ->
// sequence
Status sequence_split(const SequenceSplitAttributes& a, Context& c);
// operands sequence (not empty) -> tensor
Status sequence_join(const SequenceJoinAttributes& a, Context& c);
// operands [value] -> optional
Status optional_make(const OptionalMakeAttributes& a, Context& c);
// operands optional that holds a value, or a value -> value
Status optional_get(const NoAttributes& a, Context& c);
// operands [optional or value] -> boolean scalar
Status optional_has(const NoAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
