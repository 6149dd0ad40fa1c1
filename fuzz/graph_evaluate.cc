// Fuzz target: a graph from text, through every primitive's shape rule and scalar code.
#include <cstddef>
#include <cstdint>
#include <string>

#include "evaluate.h"
#include "graph/text.h"
#include "primitives/primitives.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const gossamer::Result<gossamer::Graph> graph =
      gossamer::parse_graph(text, gossamer::find_primitive);
  if (graph.ok()) evaluate_on_zeros(*graph);
  return 0;
}
