// Tests of the generator. What its graphs show about other parts is tested with those.
#include "generate/generate.h"

#include <gtest/gtest.h>

#include <set>

#include "graph/text.h"

namespace gossamer {
namespace {

void collect(const Graph& graph, std::set<std::string>& names) {
  for (const Node& node : graph.nodes) {
    names.insert(std::string(node.primitive->name));
    for (const auto& body : node.bodies) collect(*body, names);
  }
}

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
