// Rebuilding graphs.
#include "passes/rewriter.h"

#include <algorithm>

#include "graph/run_inference.h"
#include "graph/traverse.h"
#include "passes/compact.h"
#include "passes/pass.h"

namespace gossamer {
namespace {

std::size_t at_index(ValueId v) { return static_cast<std::size_t>(v); }

// A source of symbols that the graph does not have.
std::shared_ptr<Builder::Symbols> symbols_beyond(const Graph& graph) {
  auto symbols = std::make_shared<Builder::Symbols>();
  const Dim last = FreshSymbols(graph).next();
  while (!(symbols->next() == last)) {
  }
  return symbols;
}

bool same_knowledge(const ValueInfo& a, const ValueInfo& b) {
  return a.type == b.type && a.contents == b.contents &&
         a.constant.has_value() == b.constant.has_value();
}

}  // namespace

Rewriter::Rewriter(const Graph& graph)
    : old_(graph),
      builder_(graph_, symbols_beyond(graph)),
      old_reads_(graph.use_counts()),
      image_(graph.values.size(), kNoValue),
      is_output_(graph.values.size(), false),
      absorbed_(graph.nodes.size(), false) {
  graph_.name = graph.name;
  graph_.metadata = graph.metadata;
  graph_.opsets = graph.opsets;
  graph_.origins = graph.origins;
  for (ValueId v : graph.outputs) is_output_[at_index(v)] = true;
  const auto carry = [&](ValueId v, ValueId now) {
    graph_.value(now).contents = graph.value(v).contents;
    image_[at_index(v)] = now;
    reads_.resize(graph_.values.size());
    reads_[at_index(now)] = old_reads_[at_index(v)];
    if (is_output_[at_index(v)]) taken_.insert(now);
  };
  for (ValueId v : graph.inputs) carry(v, builder_.input(graph.value(v).name, graph.value(v).type));
  for (std::size_t i = 0; i < graph.values.size(); ++i)
    if (const ValueInfo& info = graph.values[i]; info.constant)
      carry(static_cast<ValueId>(i), graph_.add_constant(info.name, *info.constant));
}

ValueId Rewriter::at(ValueId old_value) const {
  return old_value == kNoValue ? kNoValue : image_[at_index(old_value)];
}

std::vector<ValueId> Rewriter::operands(NodeId id) const {
  std::vector<ValueId> out;
  for (ValueId v : node(id).operands) out.push_back(at(v));
  return out;
}

const Node* Rewriter::producer(ValueId now, const Primitive& primitive) const {
  if (now == kNoValue || graph_.value(now).producer == kNoNode) return nullptr;
  const Node& made_by = graph_.node(graph_.value(now).producer);
  return made_by.primitive == &primitive ? &made_by : nullptr;
}

int Rewriter::reads(ValueId now) const {
  return at_index(now) < reads_.size() ? reads_[at_index(now)] : 0;
}

bool Rewriter::can_alias(ValueId old_value, ValueId now) const {
  if (!is_output_[at_index(old_value)]) return true;
  return graph_.value(now).producer != kNoNode && !taken_.contains(now);
}

Status Rewriter::replace(ValueId old_value, ValueId now) {
  const Type& was = old_.value(old_value).type;
  const Type& is = graph_.value(now).type;
  const bool fits = was.kind == is.kind && (!was.is_tensor() || was.dtype == is.dtype) &&
                    (!was.ranked() || !is.ranked() || was.rank() == is.rank());
  if (!fits)
    return internal_error("'" + old_.value(old_value).name + "' of type " + was.to_string() +
                          " was rewritten as " + is.to_string());
  if (is_output_[at_index(old_value)]) {
    if (!can_alias(old_value, now)) {
      ASSIGN(now, builder_.one(kCopy, CopyAttributes{}, {now}));
    }
    taken_.insert(now);
  }
  image_[at_index(old_value)] = now;
  reads_.resize(graph_.values.size());
  // A new value goes by the old one's name where that is still free.
  const bool is_new = reads_[at_index(now)] == 0 && graph_.value(now).producer != kNoNode;
  if (is_new) graph_.rename(now, old_.value(old_value).name);
  // One that stood for another value before is read by the readers of both.
  reads_[at_index(now)] += old_reads_[at_index(old_value)];
  return {};
}

void Rewriter::absorb(NodeId id) {
  const Node& made = node(id);
  if (made.origin == kNoOrigin) return;
  const std::vector<ValueId>& outputs = old_.origins[at_index(made.origin)].outputs;
  absorbed_[at_index(id)] = std::none_of(made.results.begin(), made.results.end(), [&](ValueId v) {
    return std::find(outputs.begin(), outputs.end(), v) != outputs.end();
  });
}

Status Rewriter::keep(NodeId id) {
  Node copy = node(id);
  bool same = true;
  for (ValueId& v : copy.operands) {
    if (v == kNoValue) continue;
    const ValueId now = at(v);
    same = same && same_knowledge(old_.value(v), graph_.value(now));
    v = now;
  }
  for (auto& body : copy.bodies) {
    if (!rewrite_body_) break;
    ASSIGN(auto rewritten, rewrite_body_(body));
    same = same && rewritten == body;
    body = std::move(rewritten);
  }
  for (ValueId& v : copy.results) {
    if (v == kNoValue) continue;
    const ValueInfo& info = old_.value(v);
    const ValueId now = graph_.add_value(info.name, info.type);
    graph_.value(now).contents = info.contents;
    image_[at_index(v)] = now;
    reads_.resize(graph_.values.size());
    reads_[at_index(now)] = old_reads_[at_index(v)];
    if (is_output_[at_index(v)]) taken_.insert(now);
    v = now;
  }
  const NodeId added = graph_.append(std::move(copy));
  if (same) return {};
  return infer_node(graph_, added, [this] { return builder_.symbols()->next(); });
}

Result<Graph> Rewriter::finish() {
  std::vector<std::string> output_names;
  for (ValueId v : old_.outputs) {
    graph_.outputs.push_back(at(v));
    output_names.push_back(old_.value(v).name);
  }
  std::vector<std::int32_t> wanted(old_.origins.size(), 0);
  const std::vector<bool> live = live_nodes(old_);
  for (std::size_t i = 0; i < old_.nodes.size(); ++i)
    if (live[i] && !absorbed_[i] && old_.nodes[i].origin != kNoOrigin)
      ++wanted[static_cast<std::size_t>(old_.nodes[i].origin)];
  for (std::size_t o = 0; o < graph_.origins.size(); ++o)
    for (auto* ids : {&graph_.origins[o].inputs, &graph_.origins[o].outputs})
      for (ValueId& v : *ids) {
        const bool named = v != kNoValue;
        v = at(v);
        if (named && v == kNoValue) wanted[o] = -1;  // it names what is no longer there
      }
  return compact(graph_, output_names, wanted);
}

Result<Graph> rewrite(const Graph& graph, const RuleMaker& make_rule) {
  Rewriter r(graph);
  r.set_body_rewrite(
      [&](const std::shared_ptr<const Graph>& body) -> Result<std::shared_ptr<const Graph>> {
        ASSIGN(Graph rewritten, rewrite(*body, make_rule));
        if (same_structure(*body, rewritten)) return body;
        return std::make_shared<const Graph>(std::move(rewritten));
      });
  const NodeRule rule = make_rule(r);
  const std::vector<bool> live = live_nodes(graph);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    r.b().set_origin(kNoOrigin, graph.node(id).name);
    bool done = false;
    if (live[static_cast<std::size_t>(id)]) {
      Result<bool> replaced = rule(id);
      if (!replaced.ok()) return std::move(replaced).status().in(graph.describe(id));
      done = *replaced;
    }
    if (!done) TRY(r.keep(id));
  }
  return r.finish();
}

Result<Graph> rewrite(const Graph& graph, Result<bool> (*rule)(Rewriter&, NodeId)) {
  return rewrite(graph,
                 [rule](Rewriter& r) { return [rule, &r](NodeId id) { return rule(r, id); }; });
}

}  // namespace gossamer
