// Last uses, liveness and sorting of a graph's nodes.
#include "graph/traverse.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace gossamer {
namespace {

constexpr std::size_t kMaxShownCycle = 8;

NodeId producer_of(const Graph& graph, ValueId id) {
  return id == kNoValue ? kNoNode : graph.value(id).producer;
}

// Follows unfinished producers from a node that waits until a node comes twice.
Status report_cycle(const Graph& graph, const std::vector<std::int32_t>& waiting) {
  auto unfinished = [&](NodeId id) { return waiting[static_cast<std::size_t>(id)] > 0; };
  NodeId at = 0;
  while (!unfinished(at)) ++at;
  std::vector<bool> seen(graph.nodes.size());
  std::vector<NodeId> path;
  while (!seen[static_cast<std::size_t>(at)]) {
    seen[static_cast<std::size_t>(at)] = true;
    path.push_back(at);
    for (ValueId operand : graph.node(at).operands) {
      const NodeId producer = producer_of(graph, operand);
      if (producer == kNoNode || !unfinished(producer)) continue;
      at = producer;
      break;
    }
  }
  path.erase(path.begin(), std::find(path.begin(), path.end(), at));
  std::string cycle = graph.describe(at);
  for (std::size_t i = path.size(); i-- > 0;) {
    if (path.size() - i > kMaxShownCycle) {
      cycle += " -> ...";
      break;
    }
    cycle += " -> " + graph.describe(path[i]);
  }
  return malformed("nodes wait for one another: " + cycle);
}

void reorder(Graph& graph, const std::vector<NodeId>& order) {
  std::vector<Node> nodes;
  nodes.reserve(order.size());
  for (NodeId id : order) {
    const auto place = static_cast<NodeId>(nodes.size());
    nodes.push_back(std::move(graph.node(id)));
    for (ValueId result : nodes.back().results) {
      if (result != kNoValue) graph.value(result).producer = place;
    }
  }
  graph.nodes = std::move(nodes);
}

}  // namespace

std::vector<NodeId> last_uses(const Graph& graph) {
  std::vector<NodeId> last(graph.values.size(), kNoNode);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId operand : graph.nodes[i].operands) {
      if (operand != kNoValue) last[static_cast<std::size_t>(operand)] = static_cast<NodeId>(i);
    }
  }
  for (ValueId output : graph.outputs) {
    last[static_cast<std::size_t>(output)] = static_cast<NodeId>(graph.nodes.size());
  }
  return last;
}

std::vector<bool> live_nodes(const Graph& graph) {
  std::vector<bool> live(graph.nodes.size());
  std::vector<NodeId> open;
  auto reach = [&](ValueId id) {
    const NodeId producer = producer_of(graph, id);
    if (producer == kNoNode || live[static_cast<std::size_t>(producer)]) return;
    live[static_cast<std::size_t>(producer)] = true;
    open.push_back(producer);
  };
  for (ValueId output : graph.outputs) reach(output);
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    for (ValueId operand : graph.node(id).operands) reach(operand);
  }
  return live;
}

Status sort_nodes(Graph& graph) {
  const std::size_t count = graph.nodes.size();
  std::vector<std::int32_t> waiting(count);  // operands that are not computed yet, by node
  std::vector<std::vector<NodeId>> readers(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (ValueId operand : graph.nodes[i].operands) {
      const NodeId producer = producer_of(graph, operand);
      if (producer == kNoNode) continue;
      ++waiting[i];
      readers[static_cast<std::size_t>(producer)].push_back(static_cast<NodeId>(i));
    }
  }
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (waiting[i] == 0) ready.push(static_cast<NodeId>(i));
  }
  std::vector<NodeId> order;
  while (!ready.empty()) {
    const NodeId id = ready.top();
    ready.pop();
    order.push_back(id);
    for (NodeId reader : readers[static_cast<std::size_t>(id)]) {
      if (--waiting[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
    }
  }
  if (order.size() < count) return report_cycle(graph, waiting);
  reorder(graph, order);
  return {};
}

}  // namespace gossamer
