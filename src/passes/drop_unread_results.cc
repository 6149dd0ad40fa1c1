// Leaves out optional results at a node's end that nobody reads, so that nobody computes them: the
// mean and deviation of a normalization, the indices of a pool.
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

Result<bool> drop(Rewriter& r, const std::vector<std::int32_t>& reads, NodeId id) {
  const Node& node = r.node(id);
  std::size_t wanted = node.results.size();
  const auto unread = [&](ValueId v) {
    return v == kNoValue || reads[static_cast<std::size_t>(v)] == 0;
  };
  while (wanted > node.primitive->arity.min_results && unread(node.results[wanted - 1])) --wanted;
  const bool by_attributes = node.primitive == &kPointwise || !node.bodies.empty();
  if (wanted == node.results.size() || wanted == 0 || by_attributes) return false;
  for (std::size_t i = 0; i < wanted; ++i)
    if (node.results[i] == kNoValue) return false;
  ASSIGN(const std::vector<ValueId> results,
         r.b().add(*node.primitive, node.attributes, r.operands(id), wanted));
  for (std::size_t i = 0; i < wanted; ++i) TRY(r.replace(node.results[i], results[i]));
  return true;
}

}  // namespace

Result<Rewritten> drop_unread_results(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    return [&r, reads = r.old().use_counts()](NodeId id) { return drop(r, reads, id); };
  });
}

}  // namespace gossamer
