// Finds shared values and units, and copies nodes from graph to graph.
#include "compress/matching.h"

#include <algorithm>
#include <set>

#include "graph/traverse.h"
#include "primitives/builder.h"
#include "primitives/primitives.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

// Whether a node is one Pointwise that ends in this instruction.
bool is_single(const Node& node, PointwiseOp op) {
  if (node.primitive != &kPointwise || node.results.size() != 1) return false;
  const PointwiseProgram& p = attributes_of<PointwiseAttributes>(node).program;
  return !p.instructions.empty() && p.instructions.back().op == op;
}

// What B's readers see of a value: the dequantized value when every reader quantizes it and all
// come to one.
ValueId rounded_of(const Graph& b, ValueId v, const std::vector<std::vector<NodeId>>& readers) {
  if (std::find(b.outputs.begin(), b.outputs.end(), v) != b.outputs.end()) return kNoValue;
  ValueId found = kNoValue;
  for (const NodeId reader : readers[at(v)]) {
    const Node& q = b.node(reader);
    if (!is_single(q, PointwiseOp::quantize) || q.operands[0] != v) return kNoValue;
    for (const NodeId next : readers[at(q.results[0])]) {
      const Node& dq = b.node(next);
      if (!is_single(dq, PointwiseOp::dequantize)) return kNoValue;
      if (found == kNoValue) found = dq.results[0];
    }
  }
  return found;
}

// Values whose names somebody chose: lowering makes up others, which mean nothing elsewhere.
std::set<ValueId> named_values(const Graph& graph) {
  std::set<ValueId> out(graph.inputs.begin(), graph.inputs.end());
  out.insert(graph.outputs.begin(), graph.outputs.end());
  for (const Origin& o : graph.origins) out.insert(o.outputs.begin(), o.outputs.end());
  out.erase(kNoValue);
  return out;
}

// Tensors of f32 that may have the same extents.
bool same_kind(const Type& a, const Type& b) {
  for (const Type* t : {&a, &b})
    if (t->kind != Type::Kind::tensor || t->dtype != DType::f32 || !t->ranked()) return false;
  if (a.rank() != b.rank()) return false;
  for (std::size_t d = 0; d < a.shape->size(); ++d) {
    const auto x = (*a.shape)[d].constant(), y = (*b.shape)[d].constant();
    if (x && y && *x != *y) return false;
  }
  return true;
}

}  // namespace

std::vector<Match> match_values(const Graph& a, const Graph& b) {
  std::vector<std::vector<NodeId>> readers(b.values.size());
  for (std::size_t n = 0; n < b.nodes.size(); ++n)
    for (const ValueId v : b.nodes[n].operands)
      if (v != kNoValue) readers[at(v)].push_back(static_cast<NodeId>(n));
  const std::set<ValueId> named = named_values(b);
  std::vector<Match> out;
  const auto add = [&](ValueId v) {
    if (v == kNoValue) return;
    const ValueInfo& info = a.value(v);
    const ValueId other = b.find(info.name);
    if (!named.contains(other) || info.constant || b.value(other).constant ||
        !same_kind(info.type, b.value(other).type))
      return;
    out.push_back({info.name, v, other, rounded_of(b, other, readers)});
  };
  for (const ValueId v : a.inputs) add(v);
  for (const Node& node : a.nodes)
    for (const ValueId v : node.results) add(v);
  return out;
}

std::vector<Unit> units_of(const Graph& a, const Graph& b, const std::vector<Match>& matches) {
  constexpr std::size_t kMaxNodes = 256;
  std::map<ValueId, std::size_t> matched;
  for (std::size_t m = 0; m < matches.size(); ++m) matched.emplace(matches[m].a, m);
  std::vector<Unit> out;
  for (std::size_t m = 0; m < matches.size(); ++m) {
    const NodeId last = a.value(matches[m].a).producer;
    if (last == kNoNode || b.value(matches[m].b).producer == kNoNode) continue;
    Unit unit;
    unit.result = m;
    std::set<NodeId> nodes = {last};
    std::set<std::size_t> inputs;
    std::vector<NodeId> open = {last};
    bool whole = true;
    while (whole && !open.empty()) {
      const Node& node = a.node(open.back());
      open.pop_back();
      for (const ValueId v : node.operands) {
        if (v == kNoValue || a.value(v).constant) continue;
        const auto found = matched.find(v);
        const NodeId producer = a.value(v).producer;
        if (found != matched.end())
          inputs.insert(found->second);
        else if (producer == kNoNode)
          whole = false;  // an input that is no number of both models
        else if (nodes.insert(producer).second)
          open.push_back(producer);
      }
      whole = whole && nodes.size() <= kMaxNodes;
    }
    if (!whole || inputs.empty()) continue;
    unit.inputs.assign(inputs.begin(), inputs.end());
    unit.nodes.assign(nodes.begin(), nodes.end());
    out.push_back(std::move(unit));
  }
  return out;
}

Result<ValueId> add_unit(Graph& b, const Graph& a, const Unit& unit,
                         const std::vector<Match>& matches) {
  std::map<ValueId, ValueId> image;
  for (const std::size_t m : unit.inputs) image.emplace(matches[m].a, matches[m].b);
  Builder builder(b, std::make_shared<Builder::Symbols>());
  for (const NodeId id : unit.nodes) {
    const Node& node = a.node(id);
    std::vector<ValueId> operands;
    for (const ValueId v : node.operands) {
      if (v != kNoValue && !image.contains(v)) {
        const ValueInfo& info = a.value(v);
        if (!info.constant) return internal_error("a unit reads a value that it does not make");
        image.emplace(v, builder.constant(*info.constant));
      }
      operands.push_back(v == kNoValue ? kNoValue : image.at(v));
    }
    builder.set_origin(kNoOrigin, node.name);
    ASSIGN(const std::vector<ValueId> results,
           builder.add(*node.primitive, node.attributes, std::move(operands), node.results.size(),
                       node.bodies));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (node.results[i] != kNoValue) image[node.results[i]] = results[i];
  }
  return image.at(matches[unit.result].a);
}

Status redirect(Graph& graph, ValueId from, ValueId to) {
  // What `to` depends on keeps reading `from`, should it do so.
  std::set<NodeId> makers;
  std::vector<NodeId> open = {graph.value(to).producer};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (id == kNoNode || !makers.insert(id).second) continue;
    for (const ValueId v : graph.node(id).operands)
      if (v != kNoValue) open.push_back(graph.value(v).producer);
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    Node& node = graph.nodes[n];
    if (makers.contains(static_cast<NodeId>(n)) ||
        std::find(node.operands.begin(), node.operands.end(), from) == node.operands.end())
      continue;
    std::replace(node.operands.begin(), node.operands.end(), from, to);
    node.origin = kNoOrigin;
  }
  std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
  const std::string name = graph.value(from).name;
  if (!graph.rename(from, name + "_before")) graph.rename(from, name + "_before_it_was_mended");
  graph.rename(to, name);
  return sort_nodes(graph);
}

}  // namespace gossamer::compress
