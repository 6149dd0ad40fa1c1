// Rewriter: rebuilds a graph node by node. A rule looks at each node in order and either puts other
// values in the place of its results or leaves it, and it is kept. What nobody reads in the end is
// left out; names of inputs and outputs stay.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "passes/pass.h"
#include "primitives/builder.h"

namespace gossamer {

class Rewriter {
 public:
  // `graph` must outlive the Rewriter.
  explicit Rewriter(const Graph& graph);

  // --- the graph as it was ---
  const Graph& old() const { return old_; }
  const Node& node(NodeId id) const { return old_.node(id); }

  // --- the graph under construction: values of the old one up to the node at hand have images ---
  // The builder; asking for it begins the new graph.
  Builder& b();
  // Until something changes, the old graph stands for the new one, whose beginning is the same:
  // refer to neither across a change.
  const Graph& graph() const { return builder_ ? graph_ : old_; }
  // The image of an old value; kNoValue stays.
  ValueId at(ValueId old_value) const;
  // The images of a node's operands.
  std::vector<ValueId> operands(NodeId id) const;
  // The node of the new graph that makes a value, when it is of this primitive; else null.
  const Node* producer(ValueId now, const Primitive& primitive) const;
  // How many readers a value of the new graph has, outputs included and those to come; never too
  // few.
  int reads(ValueId now) const;

  // Whether `now` can stand for the old value as it is: an output needs a value of its own.
  bool can_alias(ValueId old_value, ValueId now) const;
  // Puts `now` in the place of an old value. Fails when their element types or ranks differ.
  Status replace(ValueId old_value, ValueId now);
  // The node that was added last.
  NodeId last_node() const {
    return static_cast<NodeId>(builder_ ? graph_.nodes.size() : kept_) - 1;
  }
  // Says that a node's results, replaced by constants, are what its operator makes of constants on
  // the way to its outputs: the operator stays as it was for the nodes that are left of it.
  void absorb(NodeId id);
  // Copies a node and its origin.
  Status keep(NodeId id);

  // The rule turns to a node of the old graph.
  void turn_to(NodeId id);

  // Sets how bodies of kept nodes are rewritten.
  using BodyRewrite =
      std::function<Result<std::shared_ptr<const Graph>>(const std::shared_ptr<const Graph>& body)>;
  void set_body_rewrite(BodyRewrite rewrite) { rewrite_body_ = std::move(rewrite); }

  // Settles the outputs and leaves out what is dead. An origin stays when all its nodes that lived
  // do, untouched, and all its inputs and outputs are at hand. Nothing when no rule changed
  // anything and nothing is dead.
  Result<Rewritten> finish();

 private:
  // Whether rebuilding the old graph would give the same ids and leave nothing out.
  bool is_compact() const;
  // Begins the new graph: inputs, constants, and what was kept so far.
  void begin();
  void carry(ValueId old_value, ValueId now);
  // Adds the result of a kept node.
  ValueId carry_result(ValueId old_value);

  const Graph& old_;
  Graph graph_;
  std::optional<Builder> builder_;       // empty: nothing has changed yet
  std::size_t kept_ = 0;                 // nodes kept while nothing has changed
  NodeId at_node_ = kNoNode;             // that the builder's nodes are to be named after
  std::vector<std::int32_t> old_reads_;  // by old value
  std::vector<ValueId> image_;           // by old value; kNoValue: none yet
  std::vector<std::int32_t> reads_;      // by new value: reads of the old values that it stands for
  std::vector<bool> is_output_;          // by old value
  std::vector<bool> absorbed_;           // by old node
  std::set<ValueId> taken_;              // new values that stand for an output already
  BodyRewrite rewrite_body_;
};

// A rule for one graph: true when it has replaced all results of the node, false to keep it.
using NodeRule = std::function<Result<bool>(NodeId)>;
// Makes the rule of a graph (or of a body, which is rewritten alike).
using RuleMaker = std::function<NodeRule(Rewriter&)>;

Result<Rewritten> rewrite(const Graph& graph, const RuleMaker& make_rule);
// For rules that remember nothing from node to node.
Result<Rewritten> rewrite(const Graph& graph, Result<bool> (*rule)(Rewriter&, NodeId));
// The graph as rewritten, or a copy of it where no rule changes anything.
Result<Graph> rewritten(const Graph& graph, const RuleMaker& make_rule);

}  // namespace gossamer
