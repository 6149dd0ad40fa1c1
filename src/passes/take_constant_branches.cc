// Puts the branch of an If in its place when the condition is known.
#include "passes/inline_body.h"
#include "passes/passes.h"

namespace gossamer {
namespace {

Result<bool> take(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kIf) return false;
  const std::vector<ValueId> operands = r.operands(id);
  const std::optional<DimVector> condition = r.b().contents(operands[0]);
  if (!condition || condition->size() != 1 || !(*condition)[0].is_constant()) return false;
  const Graph& branch = *node.bodies[(*condition)[0] == Dim(0) ? 1 : 0];
  ASSIGN(const std::vector<ValueId> results,
         inline_body(r, branch, std::span(operands).subspan(1)));
  for (std::size_t i = 0; i < results.size(); ++i)
    if (node.results[i] != kNoValue) TRY(r.replace(node.results[i], results[i]));
  return true;
}

}  // namespace

Result<Rewritten> take_constant_branches(const Graph& graph) { return rewrite(graph, take); }

}  // namespace gossamer
