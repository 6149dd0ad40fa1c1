// Makes one product of several that share their data and have constant weights of one kind, such as
// the queries, keys and values of an attention: the data is read once. The parts are slices of the
// result, so this is done only for products, or sums of them with a constant bias, that are moved
// on by Copies anyway.
#include <algorithm>
#include <cstring>
#include <map>

#include "graph/traverse.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "reference/matmul.h"
#include "reference/pointwise.h"

namespace gossamer {
namespace {

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

// A product, and the bias added to it.
struct Branch {
  NodeId product = kNoNode;
  NodeId last = kNoNode;    // the node of the sum, or the product itself
  ValueId bias = kNoValue;  // a constant
};

struct Siblings {
  std::vector<Branch> branches;  // in order of execution
  int weight_axis = 0;           // along which weights are joined
  int result_axis = 0;           // and results cut
  int bias_axis = 0;             // of the bias, counted from the end: 1 is the last
};

bool is_sum(const Node& node) {
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const auto& all = a.program.instructions;
  return node.operands.size() == 2 && node.results.size() == 1 && !a.has_extent &&
         a.program.inputs.size() == 2 && all.size() == 1 && all[0].op == PointwiseOp::add &&
         all[0].args[0].kind == Ref::Kind::input && all[0].args[1].kind == Ref::Kind::input &&
         !(all[0].args[0] == all[0].args[1]) && a.program.results[0].kind == Ref::Kind::result;
}

class Plan {
 public:
  explicit Plan(const Graph& graph)
      : graph_(graph), readers_(graph.values.size()), family_of_(graph.nodes.size(), -1) {
    for (std::size_t n = 0; n < graph.nodes.size(); ++n)
      for (ValueId v : graph.nodes[n].operands)
        if (v != kNoValue) readers_[at(v)].push_back(static_cast<NodeId>(n));
    // An output has a reader that is no Copy.
    for (ValueId v : graph.outputs) readers_[at(v)].push_back(kNoNode);
    const std::vector<bool> live = live_nodes(graph);
    for (NodeId n = 0; n < static_cast<NodeId>(graph.nodes.size()); ++n)
      if (live[at(n)]) place(n);
    for (std::size_t f = 0; f < families_.size(); ++f)
      for (const Branch& b : families_[f].branches)
        for (NodeId n : {b.product, b.last})
          if (families_[f].branches.size() > 1) family_of_[at(n)] = static_cast<std::int32_t>(f);
  }

  // The family that a node belongs to, as product or sum, or -1.
  std::int32_t family_of(NodeId id) const { return family_of_[at(id)]; }
  const Siblings& family(std::int32_t f) const { return families_[at(f)]; }

 private:
  NodeId only_reader(ValueId v) const {
    return readers_[at(v)].size() == 1 ? readers_[at(v)][0] : kNoNode;
  }
  bool only_moved(ValueId v) const {
    const auto& all = readers_[at(v)];
    return !all.empty() && std::all_of(all.begin(), all.end(), [&](NodeId n) {
      return n != kNoNode && graph_.node(n).primitive == &kCopy && graph_.node(n).operands[0] == v;
    });
  }

  void place(NodeId id) {
    const Node& node = graph_.node(id);
    Siblings alone;
    if (!read_product(node, alone)) return;
    Branch b{id, id, kNoValue};
    if (!only_moved(node.results[0]) && !read_sum(node, alone, b)) return;
    std::vector<std::size_t>& of_data = families_of_[node.operands[0]];
    for (std::size_t f : of_data)
      if (alike(families_[f].branches[0], b)) {
        families_[f].branches.push_back(b);
        return;
      }
    alone.branches = {b};
    of_data.push_back(families_.size());
    families_.push_back(std::move(alone));
  }

  // Where the weights of a product are joined; false when it is none of those meant.
  bool read_product(const Node& node, Siblings& s) const {
    const bool conv = node.primitive == &kConv;
    if ((!conv && node.primitive != &kMatMul) || node.operands.size() != 2) return false;
    const ValueInfo& weight = graph_.value(node.operands[1]);
    const Type& result = graph_.value(node.results[0]).type;
    const bool fitting = weight.constant && !weight.constant->packed() && result.ranked() &&
                         only_reader(node.operands[1]) != kNoNode &&
                         graph_.value(node.operands[0]).type.ranked();
    if (!fitting || weight.constant->dtype() == DType::string) return false;
    const int rank = result.rank();
    s.weight_axis = 0;
    s.result_axis = conv ? 1 : rank - 1;
    s.bias_axis = conv ? rank - 1 : 1;
    if (conv) return ungrouped(node);
    const auto& a = attributes_of<MatMulAttributes>(node);
    if (!a.trans_b) s.weight_axis = 1;
    return weight.constant->rank() == 2 && rank >= 2 && !a.trans_a;
  }

  // Every channel of the result sees every channel of the data.
  bool ungrouped(const Node& node) const {
    const Type& x = graph_.value(node.operands[0]).type;
    return x.rank() >= 3 && x.dim(1) == Dim(graph_.value(node.operands[1]).constant->shape()[1]);
  }

  bool read_sum(const Node& node, const Siblings& s, Branch& b) const {
    const NodeId reader = only_reader(node.results[0]);
    if (reader == kNoNode || graph_.node(reader).primitive != &kPointwise) return false;
    const Node& sum = graph_.node(reader);
    if (!is_sum(sum) || !only_moved(sum.results[0])) return false;
    b.bias = sum.operands[sum.operands[0] == node.results[0] ? 1 : 0];
    b.last = reader;
    const ValueInfo& bias = graph_.value(b.bias);
    const Type& result = graph_.value(node.results[0]).type;
    if (!bias.constant || bias.constant->rank() < s.bias_axis ||
        bias.constant->rank() > result.rank())
      return false;
    // It has the product's channels, and nothing else.
    const Shape& shape = bias.constant->shape();
    const Dim& channels = result.dim(s.result_axis);
    return Dim(shape[shape.rank() - s.bias_axis]) == channels &&
           Dim(bias.constant->count()) == channels;
  }

  bool alike(const Branch& a, const Branch& b) const {
    const Node &x = graph_.node(a.product), &y = graph_.node(b.product);
    if (x.primitive != y.primitive || x.operands[0] != y.operands[0] ||
        !same_attributes(*x.primitive, x.attributes, y.attributes) ||
        (a.bias == kNoValue) != (b.bias == kNoValue))
      return false;
    const Tensor &u = *graph_.value(x.operands[1]).constant,
                 &v = *graph_.value(y.operands[1]).constant;
    if (u.dtype() != v.dtype() || u.rank() != v.rank()) return false;
    Siblings s;
    read_product(x, s);
    for (int d = 0; d < u.rank(); ++d)
      if (d != s.weight_axis && u.shape()[d] != v.shape()[d]) return false;
    return a.bias == kNoValue ||
           graph_.value(a.bias).constant->rank() == graph_.value(b.bias).constant->rank();
  }

  const Graph& graph_;
  std::vector<std::vector<NodeId>> readers_;  // by value; kNoNode: an output
  std::vector<std::int32_t> family_of_;       // by node
  std::vector<Siblings> families_;
  std::map<ValueId, std::vector<std::size_t>> families_of_;  // by the data that they share
};

// Tensors one after another along an axis.
Result<Tensor> joined(std::span<const Tensor* const> parts, int axis) {
  Shape shape = parts[0]->shape();
  shape[axis] = 0;
  for (const Tensor* t : parts) shape[axis] += t->shape()[axis];
  ASSIGN(Tensor out, Tensor::make_uninitialized(parts[0]->dtype(), shape));
  const std::int64_t outer = shape.count(0, axis);
  if (outer == 0) return out;
  auto* to = static_cast<std::byte*>(out.mutable_data());
  for (std::int64_t o = 0; o < outer; ++o)
    for (const Tensor* t : parts) {
      const std::size_t bytes = t->byte_size() / static_cast<std::size_t>(outer);
      std::memcpy(to,
                  static_cast<const std::byte*>(t->data()) + static_cast<std::size_t>(o) * bytes,
                  bytes);
      to += bytes;
    }
  return out;
}

// The merged product, its bias added, cut into what the branches had.
Result<std::vector<ValueId>> merged(Rewriter& r, const Siblings& s) {
  const Node& first = r.node(s.branches[0].product);
  std::vector<const Tensor*> weights, biases;
  for (const Branch& b : s.branches) {
    weights.push_back(&*r.old().value(r.node(b.product).operands[1]).constant);
    if (b.bias != kNoValue) biases.push_back(&*r.old().value(b.bias).constant);
  }
  ASSIGN(Tensor weight, joined(weights, s.weight_axis));
  const ValueId w = r.b().constant(std::move(weight));
  ASSIGN(const std::vector<ValueId> product,
         r.b().add(*first.primitive, first.attributes, {r.at(first.operands[0]), w}));
  ValueId y = product[0];
  if (!biases.empty()) {
    ASSIGN(Tensor bias, joined(biases, biases[0]->rank() - s.bias_axis));
    const ValueId b = r.b().constant(std::move(bias));
    ASSIGN(y, r.b().binary(PointwiseOp::add, y, b));
  }
  std::vector<ValueId> parts;
  std::int64_t start = 0;
  for (const Tensor* t : weights) {
    const std::int64_t end = start + t->shape()[s.weight_axis];
    ASSIGN(const ValueId part, r.b().slice(y, s.result_axis, start, end));
    parts.push_back(part);
    start = end;
  }
  return parts;
}

Result<bool> merge(Rewriter& r, const Plan& plan,
                   std::map<std::int32_t, std::vector<ValueId>>& made, NodeId id) {
  const std::int32_t f = plan.family_of(id);
  if (f < 0) return false;
  const Siblings& s = plan.family(f);
  if (!made.contains(f)) {
    ASSIGN(made[f], merged(r, s));
  }
  for (std::size_t i = 0; i < s.branches.size(); ++i)
    if (s.branches[i].last == id) TRY(r.replace(r.node(id).results[0], made[f][i]));
  return true;
}

}  // namespace

Result<Rewritten> merge_siblings(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    const auto plan = std::make_shared<const Plan>(r.old());
    const auto made = std::make_shared<std::map<std::int32_t, std::vector<ValueId>>>();
    return [&r, plan, made](NodeId id) { return merge(r, *plan, *made, id); };
  });
}

}  // namespace gossamer
