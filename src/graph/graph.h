// Graph: what the model computes. Nodes of primitives in an order of execution, values, constants.
// Owns everything; names things by index. A node's bodies (branches, loops) are Graphs of their own
// whose inputs are all explicit: nothing is captured silently.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/attributes.h"
#include "base/tensor.h"
#include "graph/type.h"

namespace gossamer {

struct Primitive;
class Graph;

// Index of a value in its Graph. kNoValue stands for an optional operand or result left out.
using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;
// Index of a node in its Graph. Nodes stand in execution order.
using NodeId = std::int32_t;
inline constexpr NodeId kNoNode = -1;
using OriginId = std::int32_t;
inline constexpr OriginId kNoOrigin = -1;

struct ValueInfo {
  std::string name;  // unique in its graph, not empty
  Type type;
  NodeId producer = kNoNode;       // kNoNode for inputs and constants
  std::optional<Tensor> constant;  // set for constants
  // The elements of a small integer tensor as far as shape arithmetic knows them, row-major.
  std::optional<DimVector> contents;
};

struct Node {
  const Primitive* primitive = nullptr;
  AttributePtr attributes;
  std::vector<ValueId> operands;  // kNoValue: optional operand left out
  std::vector<ValueId> results;   // kNoValue: optional result left out
  std::vector<std::shared_ptr<const Graph>> bodies;
  OriginId origin = kNoOrigin;  // the operator that this node came from
  std::string name;             // of the operator it came from, for messages; may be empty
};

// The operator of the source model that one or more nodes came from, so that it can be written back
// as it was as long as no rewrite has touched it. Inputs may name values that no node reads (a
// Reshape's constant shape).
struct Origin {
  std::string domain, op_type, name;
  std::int64_t version = 0;  // opset version of its domain
  std::vector<ValueId> inputs, outputs;
  std::shared_ptr<const void>
      source;  // the operator as the file had it; only the room that read it looks inside
  std::int32_t node_count = 0;  // of nodes made from it; fewer carry it now: a rewrite touched it
};

class Graph {
 public:
  std::string name;
  std::vector<ValueInfo> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<Origin> origins;
  std::vector<std::pair<std::string, std::string>> metadata;  // of the model; empty in bodies
  std::map<std::string, std::int64_t> opsets;                 // of the source model, by domain

  ValueInfo& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const ValueInfo& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  Node& node(NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }

  // Adds a value without a producer. An empty or taken name is replaced by a unique one derived
  // from it.
  ValueId add_value(std::string_view name, Type type);
  ValueId add_constant(std::string_view name, Tensor tensor);
  // Gives a value another name; false when that name is empty or another's.
  bool rename(ValueId id, std::string_view name);
  // The value of that name, or kNoValue. Names are changed by rename only.
  ValueId find(std::string_view name) const;
  // Appends a node and sets its results' producer.
  NodeId append(Node node);
  // How often each value is read: by nodes, as an output of the graph.
  std::vector<std::int32_t> use_counts() const;
  // "node 'conv1' (conv)" or "node #17 (conv)": how messages name a node.
  std::string describe(NodeId id) const;

 private:
  std::string unique_name(std::string_view wanted);

  std::map<std::string, ValueId, std::less<>> by_name_;
  std::map<std::string, std::int64_t, std::less<>> next_suffix_;  // by the name that was taken
};

// Checks every invariant: ids in range, one producer a value, operands before their readers, arity,
// attributes present, bodies where the primitive wants them and their inputs' and outputs' number,
// names unique, types of results equal to what inference gives (when `check_types`). Fails with
// Code::internal, naming the node.
Status verify(const Graph& graph, bool check_types = true);
// Whether a node has as many operands, results and bodies as its primitive takes, and all operands
// that must be there. Fails with malformed.
Status check_arity(const Node& node);

}  // namespace gossamer
