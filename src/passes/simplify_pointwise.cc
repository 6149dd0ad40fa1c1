// Simplifies expressions: constants among themselves, operations that change nothing, casts there
// and back, cheaper instructions for the same answer. An expression takes in the one that makes an
// operand when the two together come out simpler than apart.
#include <algorithm>

#include "passes/expression.h"
#include "passes/passes.h"
#include "passes/pointwise_node.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

// The expression simplified by itself, or nothing when there is nothing to gain.
std::optional<Expression> simplified(const Graph& graph, const Expression& e) {
  Simplifier s;
  Expression out;
  std::vector<Ref> seen, refs;
  for (ValueId v : e.operands) refs.push_back(operand_ref(graph, s, v, out.operands, seen));
  const std::vector<Ref> results = s.inlined(e.program, refs);
  if (s.savings() == 0) return std::nullopt;
  out.program = s.finish(results);
  if (out.program.instructions.size() > kMaxInstructions) return std::nullopt;
  return out;
}

// The expression with the one that makes operand `i` put into it, simplified.
std::optional<Expression> taken_in(Rewriter& r, const DimVector& shape, const Expression& e,
                                   std::size_t i) {
  const Node* producer = r.producer(e.operands[i], kPointwise);
  if (!producer || producer->results.size() != 1) return std::nullopt;
  // On a larger result it would be computed more often.
  if (r.graph().value(e.operands[i]).type.shape != shape) return std::nullopt;
  const auto& inner = attributes_of<PointwiseAttributes>(*producer);
  if (inner.has_extent) return std::nullopt;
  if (by_place(inner.program)) return std::nullopt;
  Simplifier s;
  Expression out;
  std::vector<Ref> seen, inner_refs, refs;
  for (ValueId v : producer->operands)
    inner_refs.push_back(operand_ref(r.graph(), s, v, out.operands, seen));
  const std::vector<Ref> made = s.inlined(inner.program, inner_refs);
  for (std::size_t k = 0; k < e.operands.size(); ++k)
    refs.push_back(k == i ? made[0] : operand_ref(r.graph(), s, e.operands[k], out.operands, seen));
  const std::vector<Ref> results = s.inlined(e.program, refs);
  if (s.savings() == 0) return std::nullopt;
  out.program = s.finish(results);
  const std::size_t alone = e.program.instructions.size();
  const std::size_t apart = alone + inner.program.instructions.size();
  const std::size_t together = out.program.instructions.size();
  const bool fewer = r.reads(e.operands[i]) == 1 ? together < apart : together < alone;
  if (!fewer || together > kMaxInstructions) return std::nullopt;
  return out;
}

Result<bool> simplify(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kPointwise) return false;
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const ValueId first = *std::find_if(node.results.begin(), node.results.end(),
                                      [](ValueId v) { return v != kNoValue; });
  const std::optional<DimVector>& shape = r.old().value(first).type.shape;
  if (a.has_extent || !shape) return false;
  Expression e{r.operands(id), a.program};
  bool changed = false;
  for (;;) {
    std::optional<Expression> better = simplified(r.graph(), e);
    for (std::size_t i = 0; !better && i < e.operands.size(); ++i)
      better = taken_in(r, *shape, e, i);
    if (!better || better->program == e.program) break;
    drop_operands(r.graph(), *shape, *better);
    if (shape_of(r.graph(), better->operands) != *shape) break;
    e = std::move(*better);
    changed = true;
  }
  if (!changed) return false;
  ASSIGN(std::vector<ValueId> results,
         r.b().add(kPointwise, make_attributes(PointwiseAttributes{std::move(e.program), false}),
                   e.operands, node.results.size()));
  for (std::size_t i = 0; i < results.size(); ++i)
    if (node.results[i] != kNoValue) TRY(r.replace(node.results[i], results[i]));
  return true;
}

}  // namespace

Result<Rewritten> simplify_pointwise(const Graph& graph) { return rewrite(graph, simplify); }

}  // namespace gossamer
