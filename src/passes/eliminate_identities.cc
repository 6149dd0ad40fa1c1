// Drops what changes nothing: movement that ends where it began, expressions that hand an operand
// on, joins of one part, reductions of one element. Movement after movement becomes one Copy where
// that makes it shorter.
#include <algorithm>

#include "passes/copy_steps.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "reference/concat.h"
#include "reference/reduce.h"

namespace gossamer {
namespace {

bool same_steps(const CopyChain& a, const CopyChain& b) {
  return a.operands == b.operands && a.steps == b.steps;
}

// Takes in the Copies that x comes from, as long as that makes fewer steps.
void take_in_producers(Rewriter& r, CopyChain& chain) {
  while (const Node* before = r.producer(chain.operands[0], kCopy)) {
    const CopyChain first = chain_of(*before);
    CopyChain both = joined(first, chain);
    normalize(r.graph(), both);
    const bool alone = r.reads(chain.operands[0]) == 1;
    const std::size_t apart = chain.steps.size() + (alone ? first.steps.size() : 0);
    if (both.steps.size() >= apart && !first.steps.empty()) return;
    chain = std::move(both);
  }
}

Result<bool> shorten_copy(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const CopyChain as_is{r.operands(id), attributes_of<CopyAttributes>(node).steps};
  CopyChain chain = as_is;
  normalize(r.graph(), chain);
  take_in_producers(r, chain);
  const ValueId result = node.results[0];
  if (chain.steps.empty()) {
    if (!r.can_alias(result, chain.operands[0]) && as_is.steps.empty()) return false;
    TRY(r.replace(result, chain.operands[0]));
    return true;
  }
  if (same_steps(chain, as_is)) return false;
  const ValueId x = chain.operands[0];
  ASSIGN(ValueId y,
         r.b().copy(x, std::move(chain.steps), {chain.operands.begin() + 1, chain.operands.end()}));
  TRY(r.replace(result, y));
  return true;
}

// Operands that a program hands on without having changed their shape.
Result<bool> hand_on(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const PointwiseProgram& p = attributes_of<PointwiseAttributes>(node).program;
  if (p.results.size() != 1 || p.results[0].kind != Ref::Kind::input) return false;
  const ValueId from = r.at(node.operands[static_cast<std::size_t>(p.results[0].index)]);
  const Type& is = r.graph().value(from).type;
  const Type& was = r.old().value(node.results[0]).type;
  if (!is.ranked() || !(is == was) || !r.can_alias(node.results[0], from)) return false;
  TRY(r.replace(node.results[0], from));
  return true;
}

// Parts of extent 0 are left out of a join, and a join of one part is that part.
Result<bool> join_fewer(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const int axis = attributes_of<ConcatAttributes>(node).axis;
  const std::vector<ValueId> all = r.operands(id);
  std::vector<ValueId> parts;
  for (ValueId v : all) {
    const Type& t = r.graph().value(v).type;
    if (!t.ranked() || axis < 0 || axis >= t.rank() || !(t.dim(axis) == Dim(0))) parts.push_back(v);
  }
  if (parts.empty() || (parts.size() == all.size() && parts.size() > 1)) return false;
  if (parts.size() == 1 && !r.can_alias(node.results[0], parts[0])) return false;
  ASSIGN(ValueId y, r.b().concat(parts, axis));
  if (!(r.graph().value(y).type == r.old().value(node.results[0]).type)) return false;
  TRY(r.replace(node.results[0], y));
  return true;
}

// A reduction over axes of extent 1 only changes nothing but the shape.
Result<bool> reduce_nothing(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const auto& a = attributes_of<ReduceAttributes>(node);
  const ValueId x = r.at(node.operands[0]);
  const Type& t = r.graph().value(x).type;
  if (!t.ranked() || a.op == ReduceOp::logsumexp) return false;
  for (int axis : a.axes)
    if (!(t.dim(axis) == Dim(1))) return false;
  ASSIGN(const ValueId y, a.keep ? r.b().copy(x, {}) : r.b().squeeze(x, a.axes));
  if (y == x && !r.can_alias(node.results[0], x)) return false;
  TRY(r.replace(node.results[0], y));
  return true;
}

Result<bool> rule(Rewriter& r, NodeId id) {
  const Primitive* primitive = r.node(id).primitive;
  if (primitive == &kCopy) return shorten_copy(r, id);
  if (primitive == &kPointwise) return hand_on(r, id);
  if (primitive == &kConcat) return join_fewer(r, id);
  if (primitive == &kReduce) return reduce_nothing(r, id);
  return false;
}

}  // namespace

Result<Rewritten> eliminate_identities(const Graph& graph) { return rewrite(graph, rule); }

}  // namespace gossamer
