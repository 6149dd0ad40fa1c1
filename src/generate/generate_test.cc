// Tests of the generator, and with it of the text form and the evaluator: 200 seeds.
#include "generate/generate.h"

#include <gtest/gtest.h>

#include <set>

#include "graph/text.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

bool same_bits(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.list().size() != b.list().size()) return false;
  for (std::size_t i = 0; i < a.list().size(); ++i)
    if (!same_bits(a.list()[i], b.list()[i])) return false;
  return !a.is_tensor() || a.tensor.same_bits(b.tensor);
}

void collect(const Graph& graph, std::set<std::string>& names) {
  for (const Node& node : graph.nodes) {
    names.insert(std::string(node.primitive->name));
    for (const auto& body : node.bodies) collect(*body, names);
  }
}

class Seeds : public ::testing::TestWithParam<int> {};

TEST_P(Seeds, RunAndComeBackFromText) {
  for (int i = 0; i < 20; ++i) {
    const auto seed = static_cast<std::uint64_t>(20 * GetParam() + i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Result<RandomCase> made = random_case(seed);
    ASSERT_TRUE(made.ok()) << made.status().message();
    const std::string text = to_text(made->graph, {.full = true});
    const Result<Graph> again = parse_graph(text, find_primitive);
    ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << text;
    EXPECT_EQ(to_text(*again, {.full = true}), text);
    const Result<std::vector<Value>> repeated = evaluate(*again, made->inputs);
    ASSERT_TRUE(repeated.ok()) << repeated.status().message();
    for (std::size_t k = 0; k < made->outputs.size(); ++k)
      EXPECT_TRUE(same_bits(made->outputs[k], (*repeated)[k])) << "output " << k;
  }
}
INSTANTIATE_TEST_SUITE_P(Random, Seeds, ::testing::Range(0, 10));

TEST(Generate, ReachesAllThatItSays) {
  std::set<std::string> reached;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Result<Graph> graph = random_graph(seed);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    collect(*graph, reached);
  }
  for (const std::string& name : generated_primitives())
    EXPECT_TRUE(reached.contains(name)) << name;
}

TEST(Generate, IsTheSameForASeed) {
  const Result<Graph> one = random_graph(7), other = random_graph(7), another = random_graph(8);
  ASSERT_TRUE(one.ok() && other.ok() && another.ok());
  EXPECT_EQ(to_text(*one, {.full = true}), to_text(*other, {.full = true}));
  EXPECT_NE(to_text(*one, {.full = true}), to_text(*another, {.full = true}));
}

TEST(Generate, KeepsToItsOptions) {
  GenerateOptions options;
  options.primitives = {"matmul", "pointwise"};
  options.control_flow = false;
  options.symbolic = false;
  options.dtypes = {DType::f32};
  options.max_nodes = 30;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    const Result<Graph> graph = random_graph(seed, options);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    std::set<std::string> names;
    collect(*graph, names);
    for (const std::string& name : names)
      EXPECT_TRUE(name == "matmul" || name == "pointwise") << name;
    for (ValueId v : graph->inputs) EXPECT_TRUE(graph->value(v).type.static_shape().has_value());
    for (const ValueInfo& v : graph->values)
      EXPECT_TRUE(v.type.dtype == DType::f32 || v.type.dtype == DType::boolean ||
                  v.type.dtype == DType::i64)
          << v.type.to_string();
  }
}

TEST(Generate, RefusesWhatMakesNoSense) {
  GenerateOptions options;
  options.primitives = {"frobnicate"};
  EXPECT_EQ(random_graph(0, options).status().code(), Code::usage);
  options = {};
  options.max_nodes = 0;
  EXPECT_EQ(random_graph(0, options).status().code(), Code::usage);
  options = {};
  options.dtypes = {DType::string};
  EXPECT_EQ(random_graph(0, options).status().code(), Code::usage);
}

}  // namespace
}  // namespace gossamer
