// Fuzz target: a graph from text, through every primitive's shape rule and scalar code.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "evaluate.h"
#include "graph/run_inference.h"
#include "graph/text.h"
#include "primitives/primitives.h"

namespace {

// The types of all results as shape rules give them: a text may promise an extent that only running
// can tell, and be wrong.
bool infer_anew(gossamer::Graph& graph) {
  gossamer::FreshSymbols symbols(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (auto& body : graph.nodes[i].bodies) {
      gossamer::Graph copy = *body;
      if (!infer_anew(copy)) return false;
      body = std::make_shared<const gossamer::Graph>(std::move(copy));
    }
    const auto id = static_cast<gossamer::NodeId>(i);
    if (!infer_node(graph, id, [&] { return symbols.next(); }).ok()) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  gossamer::Result<gossamer::Graph> graph = gossamer::parse_graph(text, gossamer::find_primitive);
  if (graph.ok() && infer_anew(*graph)) evaluate_on_zeros(*graph);
  return 0;
}
