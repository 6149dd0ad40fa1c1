// Makes one Copy of movement after movement where the value between is read by movement only: that
// value is then never made. Each result still moves its own elements once.
#include <algorithm>

#include "passes/copy_steps.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

// For each value whether every reader of it moves it on.
std::vector<bool> only_moved(const Graph& graph) {
  std::vector<bool> moved(graph.values.size(), true);
  const auto deny = [&](ValueId v) {
    if (v != kNoValue) moved[static_cast<std::size_t>(v)] = false;
  };
  for (const Node& node : graph.nodes)
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      if (node.primitive != &kCopy || i > 0) deny(node.operands[i]);
  for (ValueId v : graph.outputs) deny(v);
  return moved;
}

Result<bool> fuse(Rewriter& r, const std::vector<bool>& moved, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kCopy || !moved[static_cast<std::size_t>(node.operands[0])]) return false;
  const Node* before = r.producer(r.at(node.operands[0]), kCopy);
  if (!before) return false;
  CopyChain chain =
      joined(chain_of(*before), {r.operands(id), attributes_of<CopyAttributes>(node).steps});
  normalize(r.graph(), chain);
  const ValueId x = chain.operands[0];
  ASSIGN(const ValueId y,
         r.b().copy(x, std::move(chain.steps), {chain.operands.begin() + 1, chain.operands.end()}));
  TRY(r.replace(node.results[0], y));
  return true;
}

}  // namespace

Result<Rewritten> fuse_copies(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    const auto moved = std::make_shared<const std::vector<bool>>(only_moved(r.old()));
    return [&r, moved](NodeId id) { return fuse(r, *moved, id); };
  });
}

}  // namespace gossamer
