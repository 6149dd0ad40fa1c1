// Graph: adding values and nodes, names, use counts.
#include "graph/graph.h"

#include "graph/primitive.h"

namespace gossamer {

std::string Graph::unique_name(std::string_view wanted) {
  if (!wanted.empty() && !by_name_.contains(wanted)) return std::string(wanted);
  // Each base remembers its next number, so that many clashes cost no more than their count.
  const std::string base = wanted.empty() ? "v" : std::string(wanted) + "_";
  std::int64_t& next = next_suffix_[base];
  std::string candidate;
  do {
    candidate = base + std::to_string(next++);
  } while (by_name_.contains(candidate));
  return candidate;
}

ValueId Graph::add_value(std::string_view value_name, Type type) {
  const auto id = static_cast<ValueId>(values.size());
  ValueInfo info;
  info.name = unique_name(value_name);
  info.type = std::move(type);
  by_name_.emplace(info.name, id);
  values.push_back(std::move(info));
  return id;
}

ValueId Graph::add_constant(std::string_view value_name, Tensor tensor) {
  const ValueId id = add_value(value_name, Type::tensor(tensor.dtype(), tensor.shape()));
  value(id).constant = std::move(tensor);
  return id;
}

ValueId Graph::find(std::string_view value_name) const {
  const auto it = by_name_.find(value_name);
  return it == by_name_.end() ? kNoValue : it->second;
}

bool Graph::rename(ValueId id, std::string_view new_name) {
  if (value(id).name == new_name) return true;
  if (new_name.empty() || by_name_.contains(new_name)) return false;
  by_name_.erase(value(id).name);
  value(id).name = new_name;
  by_name_.emplace(value(id).name, id);
  return true;
}

NodeId Graph::append(Node added) {
  const auto id = static_cast<NodeId>(nodes.size());
  for (ValueId result : added.results) {
    if (result != kNoValue) value(result).producer = id;
  }
  nodes.push_back(std::move(added));
  return id;
}

std::vector<std::int32_t> Graph::use_counts() const {
  std::vector<std::int32_t> counts(values.size());
  auto count = [&](ValueId id) {
    if (id != kNoValue) ++counts[static_cast<std::size_t>(id)];
  };
  for (const Node& n : nodes) {
    for (ValueId operand : n.operands) count(operand);
  }
  for (ValueId output : outputs) count(output);
  return counts;
}

std::string Graph::describe(NodeId id) const {
  const Node& n = node(id);
  const std::string kind = n.primitive ? std::string(n.primitive->name) : "no primitive";
  const std::string which = n.name.empty() ? "#" + std::to_string(id) : "'" + n.name + "'";
  return "node " + which + " (" + kind + ")";
}

}  // namespace gossamer
