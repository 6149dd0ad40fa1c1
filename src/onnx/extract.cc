// Lowers the whole model with all named values as outputs, then cuts at those that become inputs.
#include "onnx/extract.h"

#include <algorithm>
#include <set>

#include "primitives/primitives.h"
#include "reference/copy.h"

namespace gossamer::onnx {
namespace {

// The value that an output of the lowered graph stands for: an alias was copied under its own name.
ValueId behind(const gossamer::Graph& g, ValueId v) {
  const NodeId p = g.value(v).producer;
  if (p == kNoNode) return v;
  const gossamer::Node& node = g.node(p);
  const bool alias = node.primitive == &kCopy && node.origin == kNoOrigin &&
                     attributes_of<CopyAttributes>(node).steps.empty();
  return alias ? node.operands[0] : v;
}

// Everyone who reads `v` reads a new input of that name and type instead.
ValueId cut_at(gossamer::Graph& g, ValueId v, const std::string& name) {
  const gossamer::Type type = g.value(v).type;
  if (g.value(v).name == name) g.rename(v, name + ".inner");
  const ValueId input = g.add_value(name, type);
  for (gossamer::Node& node : g.nodes)
    std::replace(node.operands.begin(), node.operands.end(), v, input);
  for (Origin& origin : g.origins)
    std::replace(origin.inputs.begin(), origin.inputs.end(), v, input);
  std::replace(g.outputs.begin(), g.outputs.end(), v, input);
  return input;
}

Status check_names(const std::vector<std::string>& from, const std::vector<std::string>& to) {
  if (from.empty() || to.empty()) return usage_error("extract needs values to start and to end at");
  std::set<std::string> seen;
  for (const auto* list : {&from, &to})
    for (const std::string& name : *list)
      if (!seen.insert(name).second) return usage_error("value '" + name + "' is named twice");
  return {};
}

// Fails when an output depends on an input of the model that is not among the new ones.
Status check_covered(const gossamer::Graph& g, const std::vector<ValueId>& inputs) {
  std::vector<bool> seen(g.values.size());
  std::vector<ValueId> pending(g.outputs.begin(), g.outputs.end());
  while (!pending.empty()) {
    const ValueId v = pending.back();
    pending.pop_back();
    if (v == kNoValue || seen[static_cast<std::size_t>(v)]) continue;
    seen[static_cast<std::size_t>(v)] = true;
    const gossamer::ValueInfo& info = g.value(v);
    if (info.producer != kNoNode) {
      const auto& operands = g.node(info.producer).operands;
      pending.insert(pending.end(), operands.begin(), operands.end());
    } else if (!info.constant && std::find(inputs.begin(), inputs.end(), v) == inputs.end()) {
      return usage_error("what is cut out depends on input '" + info.name + "' too",
                         "name it, or a value that lies between, in --from");
    }
  }
  return {};
}

}  // namespace

Result<gossamer::Graph> extract(const std::shared_ptr<const Model>& model,
                                const std::vector<std::string>& from,
                                const std::vector<std::string>& to, LowerOptions options) {
  TRY(check_names(from, to));
  options.outputs = to;
  options.outputs.insert(options.outputs.end(), from.begin(), from.end());
  ASSIGN(gossamer::Graph graph, lower(model, options));
  const std::vector<ValueId> ends(graph.outputs.begin() + static_cast<std::ptrdiff_t>(to.size()),
                                  graph.outputs.end());
  graph.outputs.resize(to.size());
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const ValueId v = behind(graph, ends[i]);
    if (ends[i] != v) graph.rename(ends[i], from[i] + ".inner");
    inputs.push_back(cut_at(graph, v, from[i]));
  }
  TRY(check_covered(graph, inputs));
  graph.inputs = inputs;
  return graph;
}

}  // namespace gossamer::onnx
