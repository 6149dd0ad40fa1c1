// Primitive: what graphs, passes and evaluators may ask of an operation, as a table of functions.
// The primitives themselves live in src/primitives; nothing outside switches over their kinds.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"
#include "graph/infer.h"

namespace gossamer {

inline constexpr std::uint8_t kAnyNumber = 255;

// Facts about a primitive that hold whatever its attributes.
enum Trait : std::uint32_t {
  kPlain = 0,
  kLateExtents = 1 << 0,  // the shape of a result may be known only while running
  kVaries = 1 << 1,    // results differ from run to run: never folded, merged or dropped by value
  kOpaque = 1 << 2,    // only ever run by its scalar code
  kMovement = 1 << 3,  // moves elements, computes none
  kElementwise = 1 << 4,
};

struct Arity {
  std::uint8_t min_operands = 1, max_operands = 1;
  std::uint8_t min_results = 1, max_results = 1;
  std::uint8_t bodies = 0;
};

struct Primitive {
  std::string_view name;  // lower snake case, as in the text form
  Arity arity;
  std::uint32_t traits = kPlain;
  // Attributes to and from their generic form.
  std::vector<NamedAttribute> (*describe)(const void* attributes) = nullptr;
  Result<AttributePtr> (*build)(std::span<const NamedAttribute> attributes) = nullptr;
  // Sets the types (and, for shape arithmetic, contents) of the results; fails with malformed when
  // operands do not fit.
  Status (*infer)(const void* attributes, InferContext& context) = nullptr;
  // The plain scalar code: exact, slow, readable.
  Status (*evaluate)(const void* attributes, Context& context) = nullptr;
  // Multiply-accumulates of one run; null when it has none worth counting.
  Dim (*macs)(const void* attributes, const InferContext& context) = nullptr;

  bool has(Trait trait) const { return (traits & trait) != 0; }
};

// Typed access to a node's attributes; the caller knows the primitive.
template <class S>
const S& attributes_of(const Node& node) {
  return *static_cast<const S*>(node.attributes.get());
}

// Makes the table of a primitive from typed functions:
//   constexpr Primitive kConv = make_primitive<ConvAttributes, infer, evaluate, macs>("conv", {2,
//   4, 1, 1});
template <class S, Status (*Infer)(const S&, InferContext&), Status (*Evaluate)(const S&, Context&),
          Dim (*Macs)(const S&, const InferContext&) = nullptr>
constexpr Primitive make_primitive(std::string_view name, Arity arity,
                                   std::uint32_t traits = kPlain) {
  Primitive p;
  p.name = name;
  p.arity = arity;
  p.traits = traits;
  p.describe = [](const void* a) { return describe_attributes(*static_cast<const S*>(a)); };
  p.build = [](std::span<const NamedAttribute> attributes) -> Result<AttributePtr> {
    ASSIGN(S s, build_attributes<S>(attributes));
    return make_attributes(std::move(s));
  };
  p.infer = [](const void* a, InferContext& c) { return Infer(*static_cast<const S*>(a), c); };
  p.evaluate = [](const void* a, Context& c) { return Evaluate(*static_cast<const S*>(a), c); };
  if constexpr (Macs != nullptr)
    p.macs = [](const void* a, const InferContext& c) {
      return Macs(*static_cast<const S*>(a), c);
    };
  return p;
}

}  // namespace gossamer
