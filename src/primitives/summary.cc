// Counting what a graph holds and costs.
#include "primitives/summary.h"

#include <algorithm>

#include "graph/primitive.h"

namespace gossamer {
namespace {

// Those of the graph and of all bodies.
void add_constants(const Graph& graph, GraphSummary& s) {
  for (const ValueInfo& v : graph.values) {
    if (!v.constant) continue;
    if (v.constant->rank() >= 1 && v.constant->dtype() != DType::string)
      s.parameters += v.constant->count();
    s.constant_bytes[std::string(dtype_name(v.constant->dtype()))] +=
        static_cast<std::int64_t>(v.constant->byte_size());
  }
  for (const Node& node : graph.nodes)
    for (const auto& body : node.bodies) add_constants(*body, s);
}

void add_nodes(const Graph& graph, GraphSummary& s) {
  for (const Node& node : graph.nodes) {
    ++s.primitives[std::string(node.primitive->name)];
    s.macs = s.macs + macs_of(graph, node);
    for (const auto& body : node.bodies) add_nodes(*body, s);
  }
}

std::optional<std::int64_t> bytes_of(const Type& type) {
  const std::optional<Shape> shape = type.static_shape();
  if (!type.is_tensor() || !shape) return std::nullopt;
  const std::optional<std::int64_t> count = shape->checked_count();
  return count ? checked_mul(*count, static_cast<std::int64_t>(dtype_size(type.dtype)))
               : std::nullopt;
}

// Walks the nodes in order, adding results and dropping operands after their last use; the largest
// body of a node counts while it runs. What a body captures is held outside: `inputs` is false.
std::optional<std::int64_t> peak_bytes(const Graph& graph, bool inputs) {
  std::vector<std::int32_t> uses = graph.use_counts();
  std::vector<std::int64_t> held(graph.values.size(), 0);
  std::int64_t live = 0, peak = 0;
  const auto hold = [&](ValueId v) {
    const std::optional<std::int64_t> bytes = bytes_of(graph.value(v).type);
    if (!bytes) return false;
    held[static_cast<std::size_t>(v)] = *bytes;
    live += *bytes;
    peak = std::max(peak, live);
    return true;
  };
  for (ValueId v : graph.inputs)
    if (inputs && uses[static_cast<std::size_t>(v)] > 0 && !hold(v)) return std::nullopt;
  for (const Node& node : graph.nodes) {
    for (const auto& body : node.bodies) {
      const std::optional<std::int64_t> bytes = peak_bytes(*body, false);
      if (!bytes) return std::nullopt;
      peak = std::max(peak, live + *bytes);
    }
    for (ValueId v : node.results)
      if (v != kNoValue && uses[static_cast<std::size_t>(v)] > 0 && !hold(v)) return std::nullopt;
    for (ValueId v : node.operands)
      if (v != kNoValue && --uses[static_cast<std::size_t>(v)] == 0)
        live -= std::exchange(held[static_cast<std::size_t>(v)], 0);
  }
  return peak;
}

}  // namespace

Dim macs_of(const Graph& graph, const Node& node) {
  if (!node.primitive->macs) return 0;
  InferContext context(graph, node.operands, node.results.size(), node.bodies, {});
  for (std::size_t i = 0; i < node.results.size(); ++i)
    if (node.results[i] != kNoValue) context.set(i, graph.value(node.results[i]).type);
  return node.primitive->macs(node.attributes.get(), context);
}

GraphSummary summarize(const Graph& graph) {
  GraphSummary s;
  add_constants(graph, s);
  add_nodes(graph, s);
  s.peak_activation_bytes = peak_bytes(graph, true);
  return s;
}

}  // namespace gossamer
