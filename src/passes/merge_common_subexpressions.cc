// Computes equal values once: nodes of one primitive with the same attributes and operands, and
// constants of the same bytes.
#include <algorithm>
#include <map>

#include "passes/pass.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

// Whether the results of `made` (a node of the new graph) can stand for those of an old node.
bool serves(const Rewriter& r, const Node& made, const Node& old) {
  if (made.results.size() != old.results.size() || made.bodies != old.bodies ||
      !same_attributes(*old.primitive, made.attributes, old.attributes))
    return false;
  for (std::size_t i = 0; i < old.results.size(); ++i) {
    if (old.results[i] == kNoValue) continue;
    if (made.results[i] == kNoValue || !r.can_alias(old.results[i], made.results[i])) return false;
  }
  return true;
}

void merge_constants(Rewriter& r) {
  std::multimap<std::size_t, ValueId> seen;  // by hash of the bytes
  const std::vector<ValueId>& outputs = r.old().outputs;
  for (std::size_t i = 0; i < r.old().values.size(); ++i) {
    const auto v = static_cast<ValueId>(i);
    const std::optional<Tensor>& t = r.old().value(v).constant;
    if (!t || t->dtype() == DType::string ||
        std::find(outputs.begin(), outputs.end(), v) != outputs.end())
      continue;
    const std::size_t hash =
        std::hash<std::string_view>{}({static_cast<const char*>(t->data()), t->byte_size()});
    const auto [first, last] = seen.equal_range(hash);
    const auto twin = std::find_if(first, last, [&](const auto& entry) {
      const Tensor& other = *r.old().value(entry.second).constant;
      return other.packed() == t->packed() && other.same_bits(*t);
    });
    if (twin == last)
      seen.emplace(hash, v);
    else
      static_cast<void>(r.replace(v, r.at(twin->second)));
  }
}

}  // namespace

Result<Graph> merge_common_subexpressions(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    merge_constants(r);
    using Key = std::pair<const Primitive*, std::vector<ValueId>>;
    auto seen = std::make_shared<std::multimap<Key, NodeId>>();
    return [&r, seen](NodeId id) -> Result<bool> {
      const Node& node = r.node(id);
      if (node.primitive->has(kVaries)) return false;
      Key key{node.primitive, r.operands(id)};
      const auto [first, last] = seen->equal_range(key);
      for (auto it = first; it != last; ++it) {
        const Node twin = r.graph().node(it->second);
        if (!serves(r, twin, node)) continue;
        for (std::size_t i = 0; i < node.results.size(); ++i)
          if (node.results[i] != kNoValue) TRY(r.replace(node.results[i], twin.results[i]));
        return true;
      }
      TRY(r.keep(id));
      seen->emplace(std::move(key), static_cast<NodeId>(r.graph().nodes.size()) - 1);
      return true;
    };
  });
}

}  // namespace gossamer
