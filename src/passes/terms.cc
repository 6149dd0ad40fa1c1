// Expressions across nodes.
#include "passes/terms.h"

#include <algorithm>
#include <cmath>

#include "passes/expression.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

std::size_t at(std::int16_t i) { return static_cast<std::size_t>(i); }

bool near(double a, double b) {
  return std::abs(a - b) <= 2e-6 * std::max(std::abs(a), std::abs(b));
}

const PointwiseProgram& program_of(const Node& node) {
  return attributes_of<PointwiseAttributes>(node).program;
}

}  // namespace

Term Terms::part(const Node& node, Ref ref) const {
  if (ref.kind == Ref::Kind::input)
    return {.value = node.operands[at(ref.index)], .node = nullptr, .ref = {}};
  return {.value = kNoValue, .node = &node, .ref = ref};
}

std::pair<const Node*, const Instruction*> Terms::instruction(Term t) const {
  while (t.is_value()) {
    const NodeId id = graph_.value(t.value).producer;
    if (id == kNoNode) return {};
    const Node& node = graph_.node(id);
    if (node.primitive != &kPointwise || node.results.size() != 1) return {};
    if (attributes_of<PointwiseAttributes>(node).has_extent) return {};
    t = part(node, program_of(node).results[0]);
  }
  if (t.ref.kind != Ref::Kind::result) return {};
  return {t.node, &program_of(*t.node).instructions[at(t.ref.index)]};
}

std::optional<double> Terms::number(const Term& t) const {
  std::optional<Scalar> s;
  if (!t.is_value() && t.ref.kind == Ref::Kind::constant)
    s = program_of(*t.node).constants[at(t.ref.index)];
  else if (t.is_value() && graph_.value(t.value).constant)
    s = as_scalar(*graph_.value(t.value).constant);
  if (!s) return std::nullopt;
  return to_double(*s);
}

bool Terms::is_near(const Term& t, double value) const {
  const std::optional<double> n = number(t);
  return n && near(*n, value);
}

std::optional<std::vector<Term>> Terms::args(const Term& t, PointwiseOp op) const {
  const auto [node, in] = instruction(t);
  if (!in || in->op != op) return std::nullopt;
  std::vector<Term> out;
  for (int k = 0; k < pointwise_op_operands(op); ++k)
    out.push_back(part(*node, in->args[static_cast<std::size_t>(k)]));
  return out;
}

const Node* Terms::producer(const Term& t, const Primitive& primitive) const {
  if (!t.is_value() || graph_.value(t.value).producer == kNoNode) return nullptr;
  const Node& node = graph_.node(graph_.value(t.value).producer);
  return node.primitive == &primitive ? &node : nullptr;
}

const Type* Terms::type(const Term& t) const {
  return t.is_value() ? &graph_.value(t.value).type : nullptr;
}

std::optional<Term> Terms::squared(const Term& t) const {
  if (const auto product = args(t, PointwiseOp::mul); product && (*product)[0] == (*product)[1])
    return (*product)[0];
  if (const auto power = args(t, PointwiseOp::pow); power && is_near((*power)[1], 2))
    return (*power)[0];
  return std::nullopt;
}

bool Terms::matches(const PointwiseProgram& pattern, ValueId root,
                    std::vector<ValueId>& bound) const {
  bound.assign(pattern.inputs.size(), kNoValue);
  return match(pattern, pattern.results[0], {.value = root, .node = nullptr, .ref = {}}, bound);
}

bool Terms::match(const PointwiseProgram& pattern, Ref ref, const Term& t,
                  std::vector<ValueId>& bound) const {
  if (ref.kind == Ref::Kind::input) {
    ValueId& v = bound[at(ref.index)];
    if (!t.is_value() || (v != kNoValue && v != t.value)) return false;
    v = t.value;
    return true;
  }
  if (ref.kind == Ref::Kind::constant)
    return is_near(t, to_double(pattern.constants[at(ref.index)]));
  const Instruction& wanted = pattern.instructions[at(ref.index)];
  const auto found = args(t, wanted.op);
  if (!found) return false;
  using enum PointwiseOp;
  const bool either_way =
      wanted.op == add || wanted.op == mul || wanted.op == min || wanted.op == max;
  for (const bool swapped : {false, true}) {
    if (swapped && !either_way) return false;
    std::vector<ValueId> trial = bound;
    bool all = true;
    for (std::size_t k = 0; all && k < found->size(); ++k)
      all = match(pattern, wanted.args[swapped ? 1 - k : k], (*found)[k], trial);
    if (all) {
      bound = std::move(trial);
      return true;
    }
  }
  return false;
}

}  // namespace gossamer
