// The driver, and what holds for every pass.
#include "passes/pass.h"

#include "passes/test_pass.h"

namespace gossamer {
namespace {

constexpr std::string_view kModel = R"(graph main(x: f32[1,2,n]) -> (y, unread) {
    w: f32[2,2,1] = constant {1, 2, 3, 4}
    one: f32[] = constant {1}
    dead = pointwise(x) program={(f32) y0 = exp x0}
    a = copy(x) steps={permute 0 2 1}
    b = copy(a) steps={permute 0 2 1}
    c = conv(b, w)
    y = pointwise(c, one) program={(f32, f32) y0 = mul x0 x1}
    unread = copy(x) steps={}
  })";

TEST(Passes, RunUntilNothingChanges) {
  Result<Graph> graph = parse_graph(kModel, find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  Result<PassReport> report =
      run_passes(std::move(graph).value(), portable_passes(), {.max_rounds = 8, .verify = true});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->before.nodes, 6);
  EXPECT_EQ(report->after.nodes, 2);
  EXPECT_LT(report->rounds, 8);
  EXPECT_EQ(report->graph.value(report->graph.outputs[0]).name, "y");
  EXPECT_EQ(report->graph.value(report->graph.outputs[1]).name, "unread");
  std::int64_t sum = 0;
  for (const PassEffect& e : report->effects) sum += e.nodes;
  EXPECT_EQ(sum, -4);
}

TEST(Passes, AreNamedAndLeaveAnEmptyGraphAlone) {
  for (const auto list : {portable_passes(), target_passes()})
    for (const Pass& pass : list) {
      EXPECT_EQ(find_pass(pass.name), &pass);
      EXPECT_FALSE(pass.summary.empty());
      expect_kept(pass.run, "graph main(x: f32[n]) -> (x) {\n}");
    }
  EXPECT_EQ(find_pass("no_such_pass"), nullptr);
}

}  // namespace
}  // namespace gossamer
