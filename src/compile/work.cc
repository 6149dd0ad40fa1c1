// Work from symbolic extents.
#include "compile/work.h"

#include <algorithm>

#include "graph/infer.h"
#include "graph/primitive.h"
#include "primitives/primitives.h"

namespace gossamer::compile {
namespace {

double value_of(const Dim& d) {
  const auto value = d.evaluate([](std::string_view) { return std::optional<std::int64_t>(64); });
  return static_cast<double>(std::max<std::int64_t>(value.value_or(0), 0));
}

double elements_of(const Graph& graph, ValueId v) {
  if (v == kNoValue || !graph.value(v).type.ranked()) return 0;
  double count = 1;
  for (const Dim& d : *graph.value(v).type.shape) count *= value_of(d);
  return count;
}

}  // namespace

double WorkReport::scalar_share() const {
  double sum = 0;
  for (const auto& [name, work] : scalar) sum += work;
  return total > 0 ? std::min(sum / total, 1.0) : 0;
}

double work_of(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.bodies.empty() || node.primitive == &kShape) return 0;
  double work = 0;
  for (const ValueId v : node.results) work = std::max(work, elements_of(graph, v));
  for (const ValueId v : node.operands)
    if (v != kNoValue && !graph.value(v).constant) work = std::max(work, elements_of(graph, v));
  if (!node.primitive->macs) return work;
  InferContext context(graph, node.operands, node.results.size(), node.bodies, {});
  for (std::size_t i = 0; i < node.results.size(); ++i)
    if (node.results[i] != kNoValue) context.set(i, graph.value(node.results[i]).type);
  return std::max(work, 2 * value_of(node.primitive->macs(node.attributes.get(), context)));
}

}  // namespace gossamer::compile
