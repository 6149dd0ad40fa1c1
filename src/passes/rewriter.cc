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
      old_reads_(graph.use_counts()),
      image_(graph.values.size(), kNoValue),
      is_output_(graph.values.size(), false),
      absorbed_(graph.nodes.size(), false) {
  for (ValueId v : graph.outputs) is_output_[at_index(v)] = true;
  if (!is_compact()) {
    begin();
    return;
  }
  // What is known of the new graph: its values go by the ids of the old one.
  reads_.resize(graph.values.size());
  for (ValueId v : graph.inputs) carry(v, v);
  for (std::size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].constant) carry(static_cast<ValueId>(i), static_cast<ValueId>(i));
}

bool Rewriter::is_compact() const {
  ValueId next = 0;
  for (ValueId v : old_.inputs)
    if (v != next++ || old_.value(v).constant) return false;
  std::vector<bool> named(old_.values.size(), false);  // by an operator that could be written back
  for (const Origin& o : old_.origins)
    for (ValueId v : o.inputs)
      if (v != kNoValue) named[at_index(v)] = true;
  while (at_index(next) < old_.values.size() && old_.value(next).constant) {
    if (old_reads_[at_index(next)] == 0 && !named[at_index(next)]) return false;
    ++next;
  }
  const std::vector<bool> live = live_nodes(old_);
  for (std::size_t n = 0; n < old_.nodes.size(); ++n) {
    if (!live[n]) return false;
    for (ValueId v : old_.nodes[n].results)
      if (v != kNoValue && v != next++) return false;
  }
  return at_index(next) == old_.values.size();
}

void Rewriter::carry(ValueId old_value, ValueId now) {
  image_[at_index(old_value)] = now;
  if (builder_) reads_.resize(graph_.values.size());
  reads_[at_index(now)] = old_reads_[at_index(old_value)];
  if (is_output_[at_index(old_value)]) taken_.insert(now);
}

ValueId Rewriter::carry_result(ValueId old_value) {
  const ValueInfo& info = old_.value(old_value);
  const ValueId now = graph_.add_value(info.name, info.type);
  graph_.value(now).contents = info.contents;
  carry(old_value, now);
  return now;
}

void Rewriter::begin() {
  builder_.emplace(graph_, symbols_beyond(old_));
  graph_.name = old_.name;
  graph_.metadata = old_.metadata;
  graph_.opsets = old_.opsets;
  graph_.origins = old_.origins;
  for (ValueId v : old_.inputs) {
    const ValueId now = builder_->input(old_.value(v).name, old_.value(v).type);
    graph_.value(now).contents = old_.value(v).contents;
    carry(v, now);
  }
  for (std::size_t i = 0; i < old_.values.size(); ++i)
    if (const ValueInfo& info = old_.values[i]; info.constant) {
      const ValueId now = graph_.add_constant(info.name, *info.constant);
      graph_.value(now).contents = info.contents;
      carry(static_cast<ValueId>(i), now);
    }
  for (std::size_t n = 0; n < kept_; ++n) {
    Node copy = old_.nodes[n];
    for (ValueId& v : copy.results)
      if (v != kNoValue) v = carry_result(v);
    graph_.append(std::move(copy));
  }
}

void Rewriter::turn_to(NodeId id) {
  if (builder_)
    builder_->set_origin(kNoOrigin, node(id).name);
  else
    at_node_ = id;
}

Builder& Rewriter::b() {
  if (!builder_) {
    begin();
    if (at_node_ != kNoNode) turn_to(at_node_);
  }
  return *builder_;
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
  if (now == kNoValue || graph().value(now).producer == kNoNode) return nullptr;
  const Node& made_by = graph().node(graph().value(now).producer);
  return made_by.primitive == &primitive ? &made_by : nullptr;
}

int Rewriter::reads(ValueId now) const {
  return at_index(now) < reads_.size() ? reads_[at_index(now)] : 0;
}

bool Rewriter::can_alias(ValueId old_value, ValueId now) const {
  if (!is_output_[at_index(old_value)]) return true;
  return graph().value(now).producer != kNoNode && !taken_.contains(now);
}

Status Rewriter::replace(ValueId old_value, ValueId now) {
  Builder& builder = b();
  const Type& was = old_.value(old_value).type;
  const Type& is = graph_.value(now).type;
  const bool fits = was.kind == is.kind && (!was.is_tensor() || was.dtype == is.dtype) &&
                    (!was.ranked() || !is.ranked() || was.rank() == is.rank());
  if (!fits)
    return internal_error("'" + old_.value(old_value).name + "' of type " + was.to_string() +
                          " was rewritten as " + is.to_string());
  if (is_output_[at_index(old_value)]) {
    if (!can_alias(old_value, now)) {
      ASSIGN(now, builder.one(kCopy, CopyAttributes{}, {now}));
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
  const Node& kept = node(id);
  std::vector<std::shared_ptr<const Graph>> bodies = kept.bodies;
  for (auto& body : bodies) {
    if (!rewrite_body_) break;
    ASSIGN(body, rewrite_body_(body));
  }
  bool same = bodies == kept.bodies;
  // A rule may have put off a node before this one: then the order is another.
  if (!builder_ && same && static_cast<std::size_t>(id) == kept_) {
    for (ValueId v : kept.results)
      if (v != kNoValue) carry(v, v);
    ++kept_;
    return {};
  }
  Builder& builder = b();
  Node copy = kept;
  copy.bodies = std::move(bodies);
  for (ValueId& v : copy.operands) {
    if (v == kNoValue) continue;
    const ValueId now = at(v);
    same = same && same_knowledge(old_.value(v), graph_.value(now));
    v = now;
  }
  for (ValueId& v : copy.results)
    if (v != kNoValue) v = carry_result(v);
  const NodeId added = graph_.append(std::move(copy));
  if (same) return {};
  return infer_node(graph_, added, [&builder] { return builder.symbols()->next(); });
}

Result<Rewritten> Rewriter::finish() {
  if (!builder_ && kept_ == old_.nodes.size()) return Rewritten();
  b();
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
  ASSIGN(Graph out, compact(graph_, output_names, wanted));
  return Rewritten(std::move(out));
}

Result<Rewritten> rewrite(const Graph& graph, const RuleMaker& make_rule) {
  Rewriter r(graph);
  r.set_body_rewrite(
      [&](const std::shared_ptr<const Graph>& body) -> Result<std::shared_ptr<const Graph>> {
        ASSIGN(Rewritten rewritten, rewrite(*body, make_rule));
        if (!rewritten || same_structure(*body, *rewritten)) return body;
        return std::make_shared<const Graph>(std::move(*rewritten));
      });
  const NodeRule rule = make_rule(r);
  const std::vector<bool> live = live_nodes(graph);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    r.turn_to(id);
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

Result<Rewritten> rewrite(const Graph& graph, Result<bool> (*rule)(Rewriter&, NodeId)) {
  return rewrite(graph,
                 [rule](Rewriter& r) { return [rule, &r](NodeId id) { return rule(r, id); }; });
}

Result<Graph> rewritten(const Graph& graph, const RuleMaker& make_rule) {
  ASSIGN(Rewritten made, rewrite(graph, make_rule));
  if (made) return std::move(*made);
  return graph;
}

}  // namespace gossamer
