// Graph's names and counts, inference over it, and what the verifier finds.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include "graph/fake_primitives.h"
#include "graph/run_inference.h"
#include "graph/text.h"

namespace gossamer {
namespace {

const Type kPair = Type::tensor(DType::f32, Shape{2});

Graph parsed(std::string_view text) {
  Result<Graph> graph = parse_graph(text, fake::find);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  return graph.ok() ? std::move(graph).value() : Graph{};
}

Graph chain() {
  return parsed(R"(graph g(x: f32[2]) -> (b) {
  a = keep(x)
  k: i64[1] = constant {7}
  b = keep(a, k)
})");
}

TEST(Graph, NamesAreUnique) {
  Graph g;
  EXPECT_EQ(g.value(g.add_value("x", kPair)).name, "x");
  EXPECT_EQ(g.value(g.add_value("x", kPair)).name, "x_0");
  EXPECT_EQ(g.value(g.add_value("x_1", kPair)).name, "x_1");
  EXPECT_EQ(g.value(g.add_value("x", kPair)).name, "x_2");
  EXPECT_EQ(g.value(g.add_value("", kPair)).name, "v0");
  EXPECT_EQ(g.value(g.add_value("", kPair)).name, "v1");
  EXPECT_EQ(g.find("x_2"), 3);
  EXPECT_EQ(g.find("nothing"), kNoValue);
  for (int i = 0; i < 50000; ++i) g.add_value("x", kPair);  // quick: clashes are numbered onward
}

TEST(Graph, Rename) {
  Graph g;
  const ValueId x = g.add_value("x", kPair);
  const ValueId y = g.add_value("y", kPair);
  EXPECT_FALSE(g.rename(x, "y"));
  EXPECT_FALSE(g.rename(x, ""));
  EXPECT_TRUE(g.rename(x, "z"));
  EXPECT_EQ(g.find("x"), kNoValue);
  EXPECT_EQ(g.find("z"), x);
  EXPECT_TRUE(g.rename(y, "x"));
  EXPECT_TRUE(verify(g).ok());
}

TEST(Graph, UseCountsAndDescriptions) {
  Graph g = chain();
  g.outputs.push_back(g.find("b"));
  EXPECT_EQ(g.use_counts(), (std::vector<std::int32_t>{1, 1, 1, 2}));
  EXPECT_EQ(g.describe(1), "node #1 (keep)");
  g.node(1).name = "conv1";
  EXPECT_EQ(g.describe(1), "node 'conv1' (keep)");
}

TEST(Infer, ContentsOfConstantsAndShapes) {
  Graph g = parsed(R"(graph g(x: f32[2,n]) -> (y) {
  e = extents(x)
  k: u8[2] = constant {3, 255}
  y = keep(k)
  big: u64[1] = constant {18446744073709551615}
  z = keep(big)
})");
  EXPECT_EQ(g.value(g.find("e")).contents, (DimVector{Dim(2), Dim::symbol("n")}));
  EXPECT_EQ(g.value(g.find("y")).contents, (DimVector{Dim(3), Dim(255)}));
  EXPECT_FALSE(g.value(g.find("z")).contents);
}

TEST(Infer, AllOfAGraphWithFreshSymbols) {
  Graph g = parsed(R"(graph g(x: f32[u7]) -> (a) {
  (a: i64[rows,2], b: i64[2*rows]) = late(x)
})");
  ASSERT_TRUE(infer_all(g).ok());
  EXPECT_EQ(g.value(g.find("a")).type.to_string(), "i64[u8,2]");
  EXPECT_EQ(g.value(g.find("b")).type.to_string(), "i64[2*u8]");
}

TEST(Infer, Expectations) {
  Graph g;
  const ValueId x = g.add_value("x", Type::tensor(DType::f32, std::nullopt));
  const ValueId y = g.add_value("y", kPair);
  const ValueId s = g.add_value("s", Type::sequence(kPair));
  const std::vector<ValueId> operands = {x, y, s, kNoValue};
  const InferContext c(g, operands, 1, {}, [] { return Dim::symbol("f"); });
  EXPECT_EQ(c.expect_ranked(0, "data").message(), "the rank of data must be known");
  EXPECT_EQ(c.expect_ranked(1, "data", 2).message(),
            "data must have rank at least 2, but is f32[2]");
  EXPECT_EQ(c.expect_ranked(1, "data", 3, 3).message(), "data must have rank 3, but is f32[2]");
  EXPECT_EQ(c.expect_ranked(1, "data", 2, 3).message(),
            "data must have rank 2 to 3, but is f32[2]");
  EXPECT_EQ(c.expect_dtype(1, "data", DType::i64).message(), "data must be i64, but is f32[2]");
  EXPECT_EQ(c.expect_tensor(2, "data").message(), "data must be a tensor, but is seq(f32[2])");
  EXPECT_EQ(c.expect_tensor(3, "data").message(), "data is missing");
  EXPECT_TRUE(c.expect_ranked(1, "data", 1, 1).ok());
}

TEST(Verify, FindsWhatIsWrong) {
  auto broken = [](const std::function<void(Graph&)>& change) {
    Graph g = chain();
    change(g);
    const Status status = verify(g);
    return status.ok() ? "fine" : std::string(code_name(status.code())) + ": " + status.message();
  };
  EXPECT_EQ(broken([](Graph&) {}), "fine");
  EXPECT_EQ(broken([](Graph& g) { g.node(1).operands[0] = 99; }),
            "internal: node #1 (keep): an operand's id is out of range");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).operands[0] = g.find("b"); }),
            "internal: node #0 (keep): operand 'b' is not computed before it");
  EXPECT_EQ(broken([](Graph& g) { g.node(1).results[0] = g.find("a"); }),
            "internal: node #1 (keep): result 'a' has another producer");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).operands.clear(); }),
            "internal: node #0 (keep): it has 0 operands, but takes at least 1");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).operands[0] = kNoValue; }),
            "internal: node #0 (keep): operand 0 must not be left out");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).attributes = nullptr; }),
            "internal: node #0 (keep): it has no attributes");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).primitive = nullptr; }),
            "internal: node #0 (no primitive): it has no primitive");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).bodies.push_back(nullptr); }),
            "internal: node #0 (keep): it has 1 bodies, but takes 0");
  EXPECT_EQ(broken([](Graph& g) { g.value(0).name = "a"; }),
            "internal: value 'a' was renamed behind its graph's back");
  EXPECT_EQ(broken([](Graph& g) { g.value(0).producer = 7; }),
            "internal: value 'x' names a producer that is not there");
  EXPECT_EQ(broken([](Graph& g) { g.inputs.push_back(0); }), "internal: input 'x' is there twice");
  EXPECT_EQ(broken([](Graph& g) { g.inputs.push_back(g.find("k")); }),
            "internal: input 'k' is a constant");
  EXPECT_EQ(broken([](Graph& g) { g.outputs.push_back(-1); }),
            "internal: an output's id is out of range");
  EXPECT_EQ(broken([](Graph& g) { g.outputs = {g.add_value("z", kPair)}; }),
            "internal: output 'z' is never computed");
  EXPECT_EQ(broken([](Graph& g) { g.value(g.find("k")).type = kPair; }),
            "internal: constant value 'k' does not have the type f32[2]");
  EXPECT_EQ(broken([](Graph& g) { g.value(g.find("b")).type = Type::sequence(kPair); }),
            "internal: node #1 (keep): result 'b' has type seq(f32[2]), but its node gives f32[2]");
  EXPECT_EQ(broken([](Graph& g) { g.node(0).origin = 0; }),
            "internal: node #0 (keep): the origin is out of range");
}

TEST(Verify, LooksIntoBodies) {
  Graph g = parsed(R"(graph g(x: f32[2]) -> (y) {
  y = branch(x) {
    graph a(x: f32[2]) -> (z) { z = keep(x)
    }
    graph b(x: f32[3]) -> (x) { }
  }
})");
  EXPECT_EQ(g.value(g.find("y")).type.to_string(), "f32[u0]");
  Graph body = *g.node(0).bodies[0];
  body.node(0).operands[0] = body.find("z");
  g.node(0).bodies[0] = std::make_shared<const Graph>(std::move(body));
  EXPECT_EQ(verify(g).message(),
            "node #0 (branch): body 'a': node #0 (keep): operand 'z' is not computed before it");
}

}  // namespace
}  // namespace gossamer
