// Merges chains and nets of elementwise expressions into one node each. A node joins the one that
// reads it when all its readers are in there and all are of one shape, so that nothing is computed
// twice or over more elements than before. A result that others read later too may stay a result of
// the merged node. Each product of a MatMul or convolution keeps an expression of its own behind
// it, which the compiler makes its epilogue: where several meet, each goes as far as it can, or
// until it is quantized to 8 bits. Scalars become constants of the program.
#include <algorithm>
#include <map>
#include <set>

#include "graph/traverse.h"
#include "passes/passes.h"
#include "passes/pointwise_node.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

constexpr std::size_t kMaxOperands = 32;

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

// Nodes that become one. The last of them takes the place of all.
struct Group {
  std::vector<NodeId> members;  // last first
  DimVector shape;
  std::size_t instructions = 0;
  std::set<ValueId> operands;
  bool by_place = false;
  ValueId product = kNoValue;  // of a MatMul or convolution, which this is the epilogue of
  NodeId last() const { return members.front(); }
};

// An extent of 1 in front changes no element's place.
std::span<const Dim> without_leading_ones(const DimVector& shape) {
  std::span<const Dim> s(shape.data(), shape.size());
  while (!s.empty() && s[0] == Dim(1)) s = s.subspan(1);
  return s;
}

bool same_elements(const DimVector& a, const DimVector& b) {
  const auto x = without_leading_ones(a), y = without_leading_ones(b);
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

class Plan {
 public:
  explicit Plan(const Graph& graph)
      : graph_(graph),
        readers_(graph.values.size()),
        is_output_(graph.values.size(), false),
        group_of_(graph.nodes.size(), -1) {
    // What is dead is kept as it stands, and so is what it reads.
    const std::vector<bool> live = live_nodes(graph);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n)
      for (ValueId v : graph.nodes[n].operands)
        if (v != kNoValue) readers_[at(v)].push_back(static_cast<NodeId>(n));
    for (ValueId v : graph.outputs) is_output_[at(v)] = true;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n)
      chain_.push_back(chain_of(graph.node(static_cast<NodeId>(n))));
    for (auto n = static_cast<NodeId>(graph.nodes.size()); n-- > 0;)
      if (live[at(n)]) place(n);
  }

  // The group of a node, or null.
  const Group* group(NodeId id) const {
    return group_of_[at(id)] < 0 ? nullptr : &groups_[at(group_of_[at(id)])];
  }
  // Whether a result of a group's member is wanted outside of the group.
  bool is_result(const Group& g, ValueId v) const {
    if (v == kNoValue) return false;
    return is_output_[at(v)] || std::any_of(readers_[at(v)].begin(), readers_[at(v)].end(),
                                            [&](NodeId n) { return group(n) != &g; });
  }

 private:
  void place(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.primitive != &kPointwise) return;
    const auto& a = attributes_of<PointwiseAttributes>(node);
    const auto first = std::find_if(node.results.begin(), node.results.end(),
                                    [](ValueId v) { return v != kNoValue; });
    if (a.has_extent || node.operands.empty() || first == node.results.end() ||
        !graph_.value(*first).type.ranked())
      return;
    Group alone;
    alone.members = {id};
    alone.shape = *graph_.value(*first).type.shape;
    alone.instructions = a.program.instructions.size();
    alone.operands.insert(node.operands.begin(), node.operands.end());
    alone.by_place = by_place(a.program);
    alone.product = chain_[at(id)];
    const std::int32_t host = host_of(node);
    if (host >= 0 && fits(alone, groups_[at(host)], node)) {
      merge(alone, groups_[at(host)], node);
      group_of_[at(id)] = host;
      return;
    }
    group_of_[at(id)] = static_cast<std::int32_t>(groups_.size());
    groups_.push_back(std::move(alone));
  }

  // A product of the node's shape that elementwise nodes alone read.
  ValueId product_of(const Node& node, const DimVector& shape) const {
    for (ValueId v : node.operands) {
      const ValueInfo& info = graph_.value(v);
      if (info.producer == kNoNode || is_output_[at(v)] || !info.type.ranked()) continue;
      const Primitive* p = graph_.node(info.producer).primitive;
      const bool product = p == &kMatMul || p == &kConv || p == &kConvTranspose;
      const auto& all = readers_[at(v)];
      const bool alone = std::all_of(all.begin(), all.end(), [&](NodeId n) {
        return graph_.node(n).primitive == &kPointwise;
      });
      if (product && alone && same_elements(*info.type.shape, shape)) return v;
    }
    return kNoValue;
  }

  // The product whose expression a node belongs to: the one that it reads, else the last of those
  // whose expressions it alone goes on with. Bytes end an expression.
  ValueId chain_of(const Node& node) const {
    if (node.primitive != &kPointwise) return kNoValue;
    const auto first = std::find_if(node.results.begin(), node.results.end(),
                                    [](ValueId v) { return v != kNoValue; });
    if (first == node.results.end() || !graph_.value(*first).type.ranked()) return kNoValue;
    const DimVector& shape = *graph_.value(*first).type.shape;
    ValueId chain = product_of(node, shape);
    if (chain != kNoValue) return chain;
    for (ValueId v : node.operands) {
      const ValueInfo& info = graph_.value(v);
      if (info.producer == kNoNode || is_output_[at(v)] || readers_[at(v)].size() != 1 ||
          dtype_size(info.type.dtype) == 1 || !info.type.ranked() ||
          !same_elements(*info.type.shape, shape))
        continue;
      const ValueId own = chain_[at(info.producer)];
      if (own != kNoValue &&
          (chain == kNoValue || graph_.value(own).producer > graph_.value(chain).producer))
        chain = own;
    }
    return chain;
  }

  // The group of the node's first elementwise reader, or -1.
  std::int32_t host_of(const Node& node) const {
    std::int32_t host = -1;
    NodeId first = static_cast<NodeId>(graph_.nodes.size());
    for (ValueId v : node.results) {
      if (v == kNoValue) continue;
      for (NodeId n : readers_[at(v)])
        if (n < first && group_of_[at(n)] >= 0) {
          first = n;
          host = group_of_[at(n)];
        }
    }
    return host;
  }

  // Whether a node can be computed where the group is.
  bool fits(const Group& one, const Group& host, const Node& node) const {
    if (one.instructions + host.instructions > static_cast<std::size_t>(kMaxInstructions))
      return false;
    if (operands_of_both(one, host, node).size() > kMaxOperands ||
        !same_elements(one.shape, host.shape))
      return false;
    if ((one.by_place || host.by_place) && one.shape.size() != host.shape.size()) return false;
    const bool two_products = one.product != kNoValue && host.product != kNoValue;
    if (two_products && one.product != host.product) return false;
    const bool epilogue = one.product != kNoValue || host.product != kNoValue;
    for (ValueId v : node.results) {
      if (v == kNoValue) continue;
      bool inside = !is_output_[at(v)];
      for (NodeId n : readers_[at(v)]) {
        if (group(n) == &host) continue;
        inside = false;
        if (n < host.last()) return false;
      }
      // A second result: only where no product's epilogue is at stake, and of the same rank.
      if (!inside && (epilogue || one.shape != host.shape)) return false;
    }
    return true;
  }

  static std::set<ValueId> operands_of_both(const Group& one, const Group& host, const Node& node) {
    std::set<ValueId> operands = host.operands;
    for (ValueId v : node.results) operands.erase(v);
    operands.insert(one.operands.begin(), one.operands.end());
    return operands;
  }

  static void merge(const Group& one, Group& host, const Node& node) {
    host.operands = operands_of_both(one, host, node);
    host.members.insert(host.members.end(), one.members.begin(), one.members.end());
    host.instructions += one.instructions;
    host.by_place = host.by_place || one.by_place;
    if (host.product == kNoValue) host.product = one.product;
  }

  const Graph& graph_;
  std::vector<std::vector<NodeId>> readers_;  // by value
  std::vector<bool> is_output_;
  std::vector<ValueId> chain_;          // by node
  std::vector<std::int32_t> group_of_;  // by node; -1: none
  std::vector<Group> groups_;
};

// Whether operands of an instruction may change places.
bool commutes(const Instruction& in, const PointwiseProgram& p) {
  using enum PointwiseOp;
  switch (in.op) {
    case PointwiseOp::add:
    case mul:
    case eq:
    case logical_and:
    case logical_or:
    case logical_xor:
      return true;
    case min:
    case max: {
      // Of zeros of two signs these take the first.
      const Ref a = in.args[0];
      return a.kind == Ref::Kind::constant && to_double(p.constants[at(a.index)]) != 0;
    }
    default:
      return false;
  }
}

// Results first, then inputs by number, constants last: equal expressions look alike.
void order_operands(PointwiseProgram& p) {
  const auto rank = [](Ref r) {
    if (r.kind == Ref::Kind::result) return -1;
    return r.kind == Ref::Kind::input ? static_cast<int>(r.index) : 1 << 16;
  };
  for (Instruction& in : p.instructions)
    if (commutes(in, p) && rank(in.args[1]) < rank(in.args[0])) std::swap(in.args[0], in.args[1]);
}

struct Merged {
  Expression e;
  std::vector<ValueId> results;  // of the old graph
};

// The group's members as one expression; nothing when that does not come out right.
std::optional<Merged> merged(Rewriter& r, const Plan& plan, const Group& g) {
  Merged out;
  Simplifier s;
  std::vector<Ref> seen;
  std::map<ValueId, Ref> made;  // results of members
  if (g.product != kNoValue) operand_ref(r.graph(), s, r.at(g.product), out.e.operands, seen);
  std::vector<Ref> results;
  for (auto m = g.members.rbegin(); m != g.members.rend(); ++m) {
    const Node& node = r.node(*m);
    std::vector<Ref> refs;
    for (ValueId v : node.operands) {
      const auto inner = made.find(v);
      refs.push_back(inner != made.end()
                         ? inner->second
                         : operand_ref(r.graph(), s, r.at(v), out.e.operands, seen));
    }
    const std::vector<Ref> now = s.inlined(attributes_of<PointwiseAttributes>(node).program, refs);
    for (std::size_t k = 0; k < node.results.size(); ++k) {
      const ValueId v = node.results[k];
      if (v == kNoValue) continue;
      made[v] = now[k];
      if (!plan.is_result(g, v)) continue;
      results.push_back(now[k]);
      out.results.push_back(v);
    }
  }
  out.e.program = s.finish(results);
  drop_operands(r.graph(), g.shape, out.e);
  order_operands(out.e.program);
  const bool right =
      shape_of(r.graph(), out.e.operands) == g.shape &&
      out.e.program.instructions.size() <= static_cast<std::size_t>(kMaxInstructions);
  if (!right) return std::nullopt;
  return out;
}

Result<bool> fuse(Rewriter& r, const Plan& plan, NodeId id) {
  const Group* g = plan.group(id);
  if (!g) return false;
  if (id != g->last()) return true;  // its place is where the last one stands
  std::optional<Merged> one = merged(r, plan, *g);
  if (!one) {
    for (auto m = g->members.rbegin(); m != g->members.rend(); ++m) TRY(r.keep(*m));
    return true;
  }
  const Node& node = r.node(id);
  const bool as_it_was = g->members.size() == 1 && r.operands(id) == one->e.operands &&
                         node.results == one->results &&
                         attributes_of<PointwiseAttributes>(node).program == one->e.program;
  if (as_it_was) return false;
  ASSIGN(
      const std::vector<ValueId> results,
      r.b().add(kPointwise, make_attributes(PointwiseAttributes{std::move(one->e.program), false}),
                one->e.operands, one->results.size()));
  for (std::size_t i = 0; i < results.size(); ++i) TRY(r.replace(one->results[i], results[i]));
  return true;
}

}  // namespace

Result<Rewritten> fuse_pointwise(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    const auto plan = std::make_shared<const Plan>(r.old());
    return [&r, plan](NodeId id) { return fuse(r, *plan, id); };
  });
}

}  // namespace gossamer
