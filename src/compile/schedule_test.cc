// Orders that hold less at once, and answers that stay.
#include "compile/schedule.h"

#include <gtest/gtest.h>

#include "graph/text.h"
#include "primitives/primitives.h"

namespace gossamer::compile {
namespace {

Graph parse(std::string_view text) {
  Result<Graph> g = parse_graph(text, find_primitive);
  EXPECT_TRUE(g.ok()) << g.status().message();
  return g.ok() ? std::move(g).value() : Graph();
}

// Two large values, made one after the other, of which little is left.
constexpr std::string_view kTwoBranches = R"(graph g(x: f32[1,64]) -> (y) {
  a: f32[100,64] = copy(x) steps={expand 100 64}
  b: f32[100,64] = pointwise(x, a) program={(f32, f32) y0 = sub x0 x1}
  c: f32[100,64] = copy(x) steps={expand 100 64}
  d: f32[100,64] = pointwise(x, c) program={(f32, f32) y0 = add x0 x1}
  e: f32[1,64] = reduce(b) op=sum axes=[0] keep=true
  f: f32[1,64] = reduce(d) op=sum axes=[0] keep=true
  y: f32[1,64] = pointwise(e, f) program={(f32, f32) y0 = mul x0 x1}
}
)";

TEST(Schedule, FinishesABranchBeforeTheNext) {
  const Graph own = parse(kTwoBranches);
  const Graph better = order_for_memory(own);
  ASSERT_TRUE(verify(better).ok());
  EXPECT_EQ(estimated_peak(own), 2 * 25600 + 256);
  EXPECT_EQ(estimated_peak(better), 25600 + 2 * 256);
  EXPECT_EQ(better.nodes.size(), own.nodes.size());
  EXPECT_EQ(better.nodes.back().results, own.nodes.back().results);
}

TEST(Schedule, LeavesAnOrderThatIsGoodEnough) {
  const Graph own = parse(R"(graph g(x: f32[4]) -> (y) {
  a: f32[4] = pointwise(x) program={(f32) y0 = neg x0}
  y: f32[4] = pointwise(a) program={(f32) y0 = abs x0}
}
)");
  EXPECT_EQ(to_text(order_for_memory(own)), to_text(own));
}

}  // namespace
}  // namespace gossamer::compile
