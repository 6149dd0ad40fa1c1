// Orders of nodes, and what they hold in memory.
#include "compile/schedule.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "graph/primitive.h"
#include "primitives/primitives.h"

namespace gossamer::compile {
namespace {

using Order = std::vector<NodeId>;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Bytes of a result as far as orders are concerned: 0 for constants, inputs and what is no tensor.
std::int64_t bytes_of(const ValueInfo& v) {
  if (v.producer == kNoNode || !v.type.is_tensor() || !v.type.ranked()) return 0;
  auto bytes = static_cast<double>(dtype_size(v.type.dtype));
  for (const Dim& d : *v.type.shape) {
    const auto extent =
        d.evaluate([](std::string_view) { return std::optional<std::int64_t>(64); });
    bytes *= static_cast<double>(std::max<std::int64_t>(extent.value_or(64), 0));
  }
  return static_cast<std::int64_t>(std::min(bytes, 1e15));
}

class Scheduler {
 public:
  explicit Scheduler(const Graph& graph) : g_(graph), uses_(graph.use_counts()) {
    for (const ValueInfo& v : graph.values) bytes_.push_back(bytes_of(v));
  }

  std::int64_t peak(const Order& order) const {
    std::vector<std::int32_t> uses = uses_;
    std::int64_t live = 0, peak = 0;
    for (const NodeId id : order) {
      const std::int64_t freed = read(id, uses), made = made_by(id);
      const bool over = g_.node(id).primitive == &kPointwise;
      peak = std::max(peak, live + made - (over ? std::min(freed, made) : 0));
      live += made - freed;
    }
    return peak;
  }

  // What frees most, or takes least, next; among equals the graph's own order.
  Order greedy() const {
    std::vector<std::int32_t> uses = uses_, waits(g_.nodes.size(), 0);
    std::vector<std::vector<NodeId>> readers(g_.nodes.size());
    Order ready, order;
    for (NodeId id = 0; id < static_cast<NodeId>(g_.nodes.size()); ++id) {
      for (const ValueId v : g_.node(id).operands)
        if (const NodeId from = producer(v); from != kNoNode) {
          readers[at(from)].push_back(id);
          ++waits[at(id)];
        }
      if (waits[at(id)] == 0) ready.push_back(id);
    }
    while (!ready.empty()) {
      const auto cost = [&](NodeId id) { return made_by(id) - would_free(id, uses); };
      const auto best = std::min_element(ready.begin(), ready.end(), [&](NodeId a, NodeId b) {
        const std::int64_t x = cost(a), y = cost(b);
        return x != y ? x < y : a < b;
      });
      const NodeId id = *best;
      ready.erase(best);
      order.push_back(id);
      read(id, uses);
      for (const NodeId r : readers[at(id)])
        if (--waits[at(r)] == 0) ready.push_back(r);
    }
    return order;
  }

  // Depth first from the outputs, the operand whose making exceeds what it leaves by most first.
  Order depth_first() const {
    std::vector<std::int64_t> excess(g_.nodes.size(), 0);
    for (NodeId id = 0; id < static_cast<NodeId>(g_.nodes.size()); ++id) {
      std::int64_t held = 0, peak = 0;
      for (const NodeId from : makers(id, excess)) {
        peak = std::max(peak, held + made_by(from) + excess[at(from)]);
        held += made_by(from);
      }
      peak = std::max(peak, held + made_by(id));
      excess[at(id)] = peak - made_by(id);
    }
    Order order;
    std::vector<bool> done(g_.nodes.size(), false), opened = done;
    Order stack;
    const auto visit = [&](NodeId root) {
      stack.push_back(root);
      while (!stack.empty()) {
        const NodeId id = stack.back();
        if (done[at(id)] || opened[at(id)]) {
          stack.pop_back();
          if (!done[at(id)]) order.push_back(id);
          done[at(id)] = true;
          continue;
        }
        opened[at(id)] = true;
        const Order from = makers(id, excess);
        for (auto it = from.rbegin(); it != from.rend(); ++it)
          if (!done[at(*it)]) stack.push_back(*it);
      }
    };
    for (const ValueId v : g_.outputs)
      if (producer(v) != kNoNode) visit(producer(v));
    for (NodeId id = 0; id < static_cast<NodeId>(g_.nodes.size()); ++id) visit(id);
    return order;
  }

 private:
  NodeId producer(ValueId v) const { return v == kNoValue ? kNoNode : g_.value(v).producer; }

  std::int64_t made_by(NodeId id) const {
    std::int64_t sum = 0;
    for (const ValueId v : g_.node(id).results)
      if (v != kNoValue && uses_[at(v)] > 0) sum += bytes_[at(v)];
    return sum;
  }

  // Counts a node's reads; gives the bytes that nobody needs any longer.
  std::int64_t read(NodeId id, std::vector<std::int32_t>& uses) const {
    std::int64_t freed = 0;
    for (const ValueId v : g_.node(id).operands)
      if (v != kNoValue && --uses[at(v)] == 0) freed += bytes_[at(v)];
    return freed;
  }

  std::int64_t would_free(NodeId id, const std::vector<std::int32_t>& uses) const {
    const auto& operands = g_.node(id).operands;
    std::int64_t freed = 0;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const ValueId v = operands[i];
      const auto end = operands.begin() + static_cast<std::ptrdiff_t>(i);
      if (v == kNoValue || std::find(operands.begin(), end, v) != end) continue;
      if (uses[at(v)] == std::count(operands.begin(), operands.end(), v)) freed += bytes_[at(v)];
    }
    return freed;
  }

  // The nodes that make a node's operands, each once, in the order in which to run them.
  Order makers(NodeId id, const std::vector<std::int64_t>& excess) const {
    Order out;
    for (const ValueId v : g_.node(id).operands)
      if (producer(v) != kNoNode && std::find(out.begin(), out.end(), producer(v)) == out.end())
        out.push_back(producer(v));
    std::stable_sort(out.begin(), out.end(),
                     [&](NodeId a, NodeId b) { return excess[at(a)] > excess[at(b)]; });
    return out;
  }

  const Graph& g_;
  std::vector<std::int32_t> uses_;
  std::vector<std::int64_t> bytes_;  // by value
};

Order own_order(const Graph& graph) {
  Order order(graph.nodes.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace

std::int64_t estimated_peak(const Graph& graph) { return Scheduler(graph).peak(own_order(graph)); }

Graph order_for_memory(Graph graph) {
  constexpr std::size_t kMostNodes = 20000;  // greedy takes time with the square of them
  // What varies depends on where it stands.
  const bool varies = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                  [](const Node& n) { return n.primitive->has(kVaries); });
  if (varies || graph.nodes.size() > kMostNodes) return graph;
  const Scheduler scheduler(graph);
  const std::int64_t own = scheduler.peak(own_order(graph));
  Order best;
  std::int64_t least = own - own / 32;
  std::array orders = {scheduler.depth_first(), scheduler.greedy()};
  for (Order& order : orders) {
    const std::int64_t peak = scheduler.peak(order);
    if (peak >= least) continue;
    least = peak;
    best = std::move(order);
  }
  if (best.empty()) return graph;
  std::vector<Node> nodes;
  nodes.reserve(best.size());
  for (const NodeId id : best) {
    for (const ValueId v : graph.node(id).results)
      if (v != kNoValue) graph.value(v).producer = static_cast<NodeId>(nodes.size());
    nodes.push_back(std::move(graph.node(id)));
  }
  graph.nodes = std::move(nodes);
  return graph;
}

}  // namespace gossamer::compile
