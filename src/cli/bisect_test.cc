// Finding the pass that breaks an answer: a list with a broken pass in it, which the test brings.
#include "cli/bisect.h"

#include <gtest/gtest.h>

#include "graph/text.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "primitives/primitives.h"
#include "reference/pointwise.h"

namespace gossamer::cli {
namespace {

constexpr std::string_view kModel = R"(graph main(x: f32[2]) -> (y) {
    two: f32[] = constant {2}
    a = copy(x) steps={}
    b = pointwise(a, two) program={(f32, f32) y0 = mul x0 x1}
    y = pointwise(b) program={(f32) y0 = exp x0}
  })";

// Takes every product for a sum.
Result<Rewritten> add_for_mul(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r, NodeId id) -> Result<bool> {
    const Node& node = r.node(id);
    if (node.primitive != &kPointwise) return false;
    PointwiseAttributes a = attributes_of<PointwiseAttributes>(node);
    std::vector<Instruction>& all = a.program.instructions;
    if (all.empty() || all[0].op != PointwiseOp::mul) return false;
    all[0].op = PointwiseOp::add;
    ASSIGN(const ValueId y, r.b().one(kPointwise, a, r.operands(id)));
    TRY(r.replace(node.results[0], y));
    return true;
  });
}

Result<Rewritten> give_up(const Graph&) { return internal_error("gave up"); }

Finding bisect(const PassLists& lists) {
  Result<Graph> graph = parse_graph(kModel, find_primitive);
  EXPECT_TRUE(graph.ok());
  const std::map<std::string, Value> feeds = {{"x", Value(Tensor::vector<float>({1, 3}))}};
  Result<Finding> found =
      find_breaking_pass(std::move(graph).value(), feeds, lists, Tolerance{1e-3, 1e-5});
  EXPECT_TRUE(found.ok()) << found.status().message();
  return std::move(found).value();
}

TEST(Bisect, NamesTheBrokenPass) {
  const Pass broken[] = {*find_pass("eliminate_identities"),
                         {"add_for_mul", "broken on purpose", &add_for_mul},
                         *find_pass("eliminate_dead_code")};
  const Finding found = bisect({portable_passes(), broken});
  EXPECT_EQ(found.pass, "add_for_mul");
  EXPECT_EQ(found.round, 1);
  EXPECT_NE(found.why.find("output 'y'"), std::string::npos) << found.why;
}

TEST(Bisect, NamesThePassThatFails) {
  const Pass broken[] = {{"give_up", "broken on purpose", &give_up}};
  const Finding found = bisect({broken});
  EXPECT_EQ(found.pass, "give_up");
  EXPECT_EQ(found.why, "gave up");
}

TEST(Bisect, FindsNothingAmongThePassesThatShip) {
  EXPECT_EQ(bisect({portable_passes(), target_passes()}).pass, "");
}

}  // namespace
}  // namespace gossamer::cli
