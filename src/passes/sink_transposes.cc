// Moves transposes down past elementwise work, joins, softmax and reductions, so that they meet
// others and cancel. Past an operation with several operands only when all come transposed alike or
// are constants, whose transposition is computed once and for all.
#include <algorithm>

#include "passes/copy_steps.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "reference/concat.h"
#include "reference/reduce.h"
#include "reference/softmax.h"

namespace gossamer {
namespace {

using Permutation = std::vector<int>;

// The permutation that makes a value which nobody else reads, or null.
const Permutation* permutation_of(const Rewriter& r, ValueId v) {
  const Node* copy = r.producer(v, kCopy);
  return copy && r.reads(v) == 1 ? as_permute(*copy) : nullptr;
}

Permutation inverse(const Permutation& p) {
  Permutation out(p.size());
  for (std::size_t i = 0; i < p.size(); ++i)
    out[static_cast<std::size_t>(p[i])] = static_cast<int>(i);
  return out;
}

// The first operand's permutation that the others share, or that is all there is.
std::optional<Permutation> shared(const Rewriter& r, std::span<const ValueId> operands) {
  std::optional<Permutation> found;
  for (ValueId v : operands) {
    const Type& t = r.graph().value(v).type;
    const bool scalar = t.ranked() && t.rank() == 0;
    if (r.graph().value(v).constant || scalar) continue;
    const Permutation* p = permutation_of(r, v);
    if (!p || (found && *found != *p)) return std::nullopt;
    found = *p;
  }
  return found;
}

// What stands for an operand once everything is seen before the permutation.
Result<ValueId> before(Rewriter& r, ValueId v, const Permutation& p) {
  if (permutation_of(r, v)) return r.producer(v, kCopy)->operands[0];
  const Type type = r.graph().value(v).type;
  if (type.element_count() == Dim(1)) return v;
  std::vector<int> missing;
  missing.reserve(p.size());
  for (int d = 0; d < static_cast<int>(p.size()) - type.rank(); ++d) missing.push_back(d);
  ASSIGN(const ValueId full, r.b().unsqueeze(v, missing));
  return r.b().transpose(full, inverse(p));
}

Status put_after(Rewriter& r, NodeId id, ValueId y, const Permutation& p) {
  ASSIGN(const ValueId permuted, r.b().transpose(y, p));
  return r.replace(r.node(id).results[0], permuted);
}

bool by_place(const PointwiseProgram& p) {
  return std::any_of(p.instructions.begin(), p.instructions.end(), [](const Instruction& in) {
    return in.op == PointwiseOp::index || in.op == PointwiseOp::extent;
  });
}

Result<bool> past_pointwise(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const Type& result = r.old().value(node.results[0]).type;
  if (node.results.size() != 1 || a.has_extent || by_place(a.program)) return false;
  std::vector<ValueId> operands = r.operands(id);
  const std::optional<Permutation> p = shared(r, operands);
  if (!p || !result.ranked() || result.rank() != static_cast<int>(p->size())) return false;
  // Nothing may be broadcast to a larger result.
  for (ValueId v : operands)
    if (permutation_of(r, v) && !(r.graph().value(v).type.shape == result.shape)) return false;
  for (ValueId& v : operands) {
    ASSIGN(v, before(r, v, *p));
  }
  ASSIGN(const std::vector<ValueId> y, r.b().add(kPointwise, node.attributes, operands));
  TRY(put_after(r, id, y[0], *p));
  return true;
}

Result<bool> past_concat(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  std::vector<ValueId> operands = r.operands(id);
  const std::optional<Permutation> p = shared(r, operands);
  if (!p) return false;
  const int axis = attributes_of<ConcatAttributes>(node).axis;
  for (ValueId& v : operands) {
    if (r.graph().value(v).constant) return false;
    v = r.producer(v, kCopy)->operands[0];
  }
  ASSIGN(const ValueId y, r.b().concat(operands, (*p)[static_cast<std::size_t>(axis)]));
  TRY(put_after(r, id, y, *p));
  return true;
}

Result<bool> past_softmax(Rewriter& r, NodeId id) {
  const ValueId x = r.at(r.node(id).operands[0]);
  const Permutation* found = permutation_of(r, x);
  if (!found) return false;
  const Permutation p = *found;
  SoftmaxAttributes a = attributes_of<SoftmaxAttributes>(r.node(id));
  a.axis = p[static_cast<std::size_t>(a.axis)];
  ASSIGN(const ValueId y, r.b().one(kSoftmax, a, {r.producer(x, kCopy)->operands[0]}));
  TRY(put_after(r, id, y, p));
  return true;
}

Result<bool> past_reduce(Rewriter& r, NodeId id) {
  const ValueId x = r.at(r.node(id).operands[0]);
  const Permutation* found = permutation_of(r, x);
  ReduceAttributes a = attributes_of<ReduceAttributes>(r.node(id));
  if (!found || !a.keep) return false;
  const Permutation p = *found;
  for (int& axis : a.axes) axis = p[static_cast<std::size_t>(axis)];
  std::sort(a.axes.begin(), a.axes.end());
  ASSIGN(const ValueId y, r.b().one(kReduce, a, {r.producer(x, kCopy)->operands[0]}));
  TRY(put_after(r, id, y, p));
  return true;
}

Result<bool> rule(Rewriter& r, NodeId id) {
  const Primitive* p = r.node(id).primitive;
  if (p == &kPointwise) return past_pointwise(r, id);
  if (p == &kConcat) return past_concat(r, id);
  if (p == &kSoftmax) return past_softmax(r, id);
  if (p == &kReduce) return past_reduce(r, id);
  return false;
}

}  // namespace

Result<Rewritten> sink_transposes(const Graph& graph) { return rewrite(graph, rule); }

}  // namespace gossamer
