// Last uses, liveness, sorting and the report of cycles.
#include "graph/traverse.h"

#include <gtest/gtest.h>

#include "graph/fake_primitives.h"
#include "graph/text.h"

namespace gossamer {
namespace {

Graph parsed(std::string_view text) {
  Result<Graph> graph = parse_graph(text, fake::find);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  return graph.ok() ? std::move(graph).value() : Graph{};
}

// x feeds a and b; c joins them; d is dead.
Graph diamond() {
  return parsed(R"(graph g(x: f32[2]) -> (c) {
  a = keep(x)
  b = keep(x)
  d = keep(b)
  c = keep(a, _, b)
})");
}

TEST(Traverse, LastUses) {
  const Graph g = diamond();
  const std::vector<NodeId> last = last_uses(g);
  auto of = [&](std::string_view name) { return last[static_cast<std::size_t>(g.find(name))]; };
  EXPECT_EQ(of("x"), 1);
  EXPECT_EQ(of("a"), 3);
  EXPECT_EQ(of("b"), 3);
  EXPECT_EQ(of("d"), kNoNode);
  EXPECT_EQ(of("c"), 4);
}

TEST(Traverse, LiveNodes) {
  EXPECT_EQ(live_nodes(diamond()), (std::vector<bool>{true, true, false, true}));
}

TEST(Traverse, SortKeepsAnOrderThatIsRight) {
  Graph g = diamond();
  const std::string before = to_text(g);
  ASSERT_TRUE(sort_nodes(g).ok());
  EXPECT_EQ(to_text(g), before);
}

TEST(Traverse, SortRestoresAnOrder) {
  Graph g = diamond();
  std::swap(g.nodes[0], g.nodes[3]);
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    g.value(g.nodes[i].results[0]).producer = static_cast<NodeId>(i);
  }
  EXPECT_FALSE(verify(g).ok());
  ASSERT_TRUE(sort_nodes(g).ok());
  const Status status = verify(g);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(Traverse, CyclesAreNamed) {
  Graph g = diamond();
  g.nodes[0].operands[0] = g.find("c");
  EXPECT_EQ(sort_nodes(g).message(),
            "nodes wait for one another: node #0 (keep) -> node #3 (keep) -> node #0 (keep)");
  EXPECT_EQ(g.nodes.size(), 4U);
}

}  // namespace
}  // namespace gossamer
