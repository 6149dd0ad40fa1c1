// Terms: expressions as trees that reach over the borders of Pointwise nodes, and patterns for
// them. However an exporter cut an expression into operators, it looks the same here.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"
#include "reference/pointwise.h"

namespace gossamer {

// A value of the graph, or a part of a Pointwise program.
struct Term {
  ValueId value = kNoValue;    // when it is a value
  const Node* node = nullptr;  // else the Pointwise node whose program holds it
  Ref ref;
  bool operator==(const Term&) const = default;
  bool is_value() const { return node == nullptr; }
};

// Looks at a graph that must not change meanwhile.
class Terms {
 public:
  explicit Terms(const Graph& graph) : graph_(graph) {}

  // The one number that a term is, or nothing.
  std::optional<double> number(const Term& t) const;
  bool is_near(const Term& t, double value) const;
  // The operands of a term made by this instruction, or nothing.
  std::optional<std::vector<Term>> args(const Term& t, PointwiseOp op) const;
  // The node of this primitive that makes a term that is a value.
  const Node* producer(const Term& t, const Primitive& primitive) const;
  const Type* type(const Term& t) const;  // of a value
  // The operand to be squared: of mul x x or pow x 2.
  std::optional<Term> squared(const Term& t) const;

  // Whether the term is what the pattern's first result says; binds the pattern's inputs to values.
  // Operands of sums and products may come either way round, constants may differ by rounding.
  bool matches(const PointwiseProgram& pattern, ValueId root, std::vector<ValueId>& bound) const;

 private:
  Term part(const Node& node, Ref ref) const;
  // The instruction behind a term, and the node that holds it.
  std::pair<const Node*, const Instruction*> instruction(Term t) const;
  bool match(const PointwiseProgram& pattern, Ref at, const Term& t,
             std::vector<ValueId>& bound) const;

  const Graph& graph_;
};

}  // namespace gossamer
