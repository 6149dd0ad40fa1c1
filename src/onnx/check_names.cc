// One walk over all graphs with a chain of scopes.
#include "onnx/check_names.h"

#include <set>
#include <string_view>

namespace gossamer::onnx {
namespace {

struct Names {
  std::set<std::string_view> defined;
  const Names* outer = nullptr;

  bool knows(std::string_view name) const {
    for (const Names* s = this; s != nullptr; s = s->outer)
      if (s->defined.contains(name)) return true;
    return false;
  }
};

std::string describe(const Node& n) {
  const std::string& name = n.name.empty() && !n.outputs.empty() ? n.outputs[0] : n.name;
  return "node '" + name + "' (" + n.op_type + ")";
}

Status check_graph(const Graph& graph, const Names* outer);

Status check_node(const Node& node, Names& names) {
  for (const std::string& input : node.inputs)
    if (!input.empty() && !names.knows(input))
      return malformed("input '" + input + "' is not defined before it is used");
  for (const Attribute& a : node.attributes)
    for (const auto& g : a.graphs) TRY(check_graph(*g, &names));
  for (const std::string& output : node.outputs)
    if (!output.empty() && !names.defined.insert(output).second)
      return malformed("value '" + output + "' is defined twice");
  return {};
}

Status check_nodes(const std::vector<Node>& nodes, Names& names) {
  for (const Node& node : nodes)
    if (Status s = check_node(node, names); !s.ok()) return std::move(s).in(describe(node));
  return {};
}

Status check_graph(const Graph& graph, const Names* outer) {
  Names names;
  names.outer = outer;
  for (const ValueInfo& v : graph.inputs) names.defined.insert(v.name);
  for (const Initializer& i : graph.initializers) names.defined.insert(i.name);
  for (const SparseTensor& s : graph.sparse_initializers) names.defined.insert(s.name);
  TRY(check_nodes(graph.nodes, names));
  for (const ValueInfo& v : graph.outputs)
    if (!names.knows(v.name)) return malformed("output '" + v.name + "' is never produced");
  return {};
}

Status check_function(const Function& f) {
  Names names;
  names.defined.insert(f.inputs.begin(), f.inputs.end());
  TRY(check_nodes(f.nodes, names));
  for (const std::string& output : f.outputs)
    if (!names.knows(output)) return malformed("output '" + output + "' is never produced");
  return {};
}

}  // namespace

Status check_names(const Model& model) {
  for (const Function& f : model.functions)
    if (Status s = check_function(f); !s.ok()) return std::move(s).in("function '" + f.name + "'");
  return check_graph(model.graph, nullptr);
}

}  // namespace gossamer::onnx
