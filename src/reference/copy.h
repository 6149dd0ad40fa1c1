// Copy: a short list of movement steps from the elements of x to the elements of y; nothing is
// computed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

// A number in a step: a literal, or element `element` of operand `operand` (an i64 vector or
// scalar; 1 is the first after x).
struct Extent {
  std::int64_t value = 0;
  std::int16_t operand = -1;  // -1: the literal `value`
  std::int32_t element = 0;
  Extent() = default;
  Extent(std::int64_t v) : value(v) {}
  static Extent from_operand(int operand, int element) {
    Extent e;
    e.operand = static_cast<std::int16_t>(operand);
    e.element = element;
    return e;
  }
  bool is_literal() const { return operand < 0; }
  bool operator==(const Extent&) const = default;
};

// One entry of a reshape: `extent`; the input's axis `first` kept; the input's axes [first, last]
// merged; or inferred from what remains. `zero_copies` (for operand extents, ONNX's allowzero=0): a
// run-time 0 keeps axis `first`, -1 infers.
struct ReshapeEntry {
  enum class Kind : std::uint8_t { extent, keep, merge, infer };
  Kind kind = Kind::extent;
  Extent extent;
  std::int16_t first = 0, last = 0;
  bool zero_copies = false;
  static ReshapeEntry of(Extent e) {
    ReshapeEntry r;
    r.extent = e;
    return r;
  }
  static ReshapeEntry keep(int axis) {
    ReshapeEntry r;
    r.kind = Kind::keep;
    r.first = static_cast<std::int16_t>(axis);
    return r;
  }
  static ReshapeEntry merge(int first, int last) {
    ReshapeEntry r;
    r.kind = Kind::merge;
    r.first = static_cast<std::int16_t>(first);
    r.last = static_cast<std::int16_t>(last);
    return r;
  }
  static ReshapeEntry infer() {
    ReshapeEntry r;
    r.kind = Kind::infer;
    return r;
  }
  bool operator==(const ReshapeEntry&) const = default;
};

enum class PadMode : std::uint8_t { constant, edge, reflect, wrap };

struct PermuteStep {
  std::vector<int> axes;
  bool operator==(const PermuteStep&) const = default;
};
struct ReshapeStep {
  std::vector<ReshapeEntry> dims;
  bool operator==(const ReshapeStep&) const = default;
};
// numpy's x[start:end:stride] on one axis, with clamping; stride is not 0.
struct SliceStep {
  int axis = 0;
  Extent start, end;
  std::int64_t stride = 1;
  bool operator==(const SliceStep&) const = default;
};
// Negative amounts crop. `value_operand` names a scalar operand of x's dtype; -1: zero (empty
// string, false).
struct PadStep {
  int axis = 0;
  Extent before, after;
  std::int64_t interior = 0;
  PadMode mode = PadMode::constant;
  std::int16_t value_operand = -1;
  bool operator==(const PadStep&) const = default;
};
// Two-way numpy broadcast with `dims`.
struct ExpandStep {
  std::vector<Extent> dims;
  bool operator==(const ExpandStep&) const = default;
};
// The whole axis `times` over (tile), or each element `times` over.
struct RepeatStep {
  int axis = 0;
  Extent times = 1;
  bool each = false;
  bool operator==(const RepeatStep&) const = default;
};
// Inserts an axis of `size` after `axis`: overlapping windows at `stride`, taps at `dilation`;
// incomplete ones are dropped.
struct WindowStep {
  int axis = 0;
  std::int64_t size = 1, stride = 1, dilation = 1;
  bool operator==(const WindowStep&) const = default;
};
// Keeps elements whose coordinates on a and b are equal; b is dropped.
struct DiagonalStep {
  int a = 0, b = 1;
  bool operator==(const DiagonalStep&) const = default;
};

using Step = std::variant<PermuteStep, ReshapeStep, SliceStep, PadStep, ExpandStep, RepeatStep,
                          WindowStep, DiagonalStep>;
using StepList = std::vector<Step>;

// "reshape 1 128 12 64 | permute 0 2 1 3" and back.
std::string to_text(const StepList& steps);
Result<StepList> parse_steps(std::string_view text);
AttributeValue to_attribute(const StepList& steps);
Result<StepList> from_attribute(const AttributeValue& v, std::type_identity<StepList>);

struct CopyAttributes {
  StepList steps;
  static constexpr auto kFields = std::tuple(field("steps", &CopyAttributes::steps));
};

namespace reference {
// operands x, i64 vectors and scalars that steps refer to -> y of x's dtype.
Status copy(const CopyAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
