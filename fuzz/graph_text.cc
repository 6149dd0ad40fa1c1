// Fuzz target: any text either is refused with a Status or is a graph that prints, reads back and
// prints the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "graph/fake_primitives.h"
#include "graph/text.h"
#include "primitives/primitives.h"

namespace {

const gossamer::Primitive* find_any(std::string_view name) {
  if (const gossamer::Primitive* p = gossamer::fake::find(name)) return p;
  return gossamer::find_primitive(name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  gossamer::Result<gossamer::Graph> graph = gossamer::parse_graph(text, find_any);
  if (!graph.ok()) return 0;
  const gossamer::TextOptions full = {.max_constant_elements = 0, .full = true};
  const std::string printed = to_text(*graph, full);
  gossamer::Result<gossamer::Graph> back = gossamer::parse_graph(printed, find_any);
  if (!back.ok() || to_text(*back, full) != printed) std::abort();
  return 0;
}
