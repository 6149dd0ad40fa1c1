// Random graphs through the writer (spelled in the standard's operators, read again and lowered)
// and through the compiler give the same answers. In this room because it sees the generator and
// both.
#include <gtest/gtest.h>

#include "base/compare.h"
#include "compile/compile.h"
#include "generate/generate.h"
#include "graph/text.h"
#include "onnx/lower.h"
#include "onnx/model.h"
#include "onnx/proto_writer.h"
#include "onnx/writer.h"
#include "primitives/evaluator.h"
#include "runtime/session.h"

namespace gossamer {
namespace {

// The graph as the bytes of a model, read again.
Result<Graph> through_onnx(const Graph& graph) {
  ASSIGN(onnx::Model model, onnx::to_model(graph));
  ASSIGN(std::string bytes, onnx::serialize(model));
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  ASSIGN(onnx::Model read,
         onnx::parse_model(std::as_bytes(std::span(*owner)), owner, std::nullopt));
  return onnx::lower(std::make_shared<const onnx::Model>(std::move(read)));
}

class Written : public ::testing::TestWithParam<int> {};

TEST_P(Written, GivesTheSameAnswers) {
  for (int i = 0; i < 20; ++i) {
    const auto seed = static_cast<std::uint64_t>(20 * GetParam() + i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Result<Graph> graph = random_graph(seed);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    const Result<std::vector<Value>> inputs = random_inputs(*graph, seed);
    ASSERT_TRUE(inputs.ok()) << inputs.status().message();
    const Result<std::vector<Value>> expected = evaluate(*graph, *inputs);
    ASSERT_TRUE(expected.ok()) << expected.status().message();
    const Result<Graph> again = through_onnx(*graph);
    if (!again.ok()) {
      ADD_FAILURE() << again.status().message();
      continue;
    }
    const Result<std::vector<Value>> got = evaluate(*again, *inputs);
    if (!got.ok()) {
      ADD_FAILURE() << got.status().message();
      continue;
    }
    ASSERT_EQ(got->size(), expected->size());
    for (std::size_t k = 0; k < got->size(); ++k) {
      const auto differs = difference((*got)[k], (*expected)[k], random_tolerance(*graph));
      EXPECT_FALSE(differs) << "output " << k << ": " << *differs;
    }
  }
}
class Compiled : public ::testing::TestWithParam<int> {};

TEST_P(Compiled, GivesTheSameAnswers) {
  for (int i = 0; i < 30; ++i) {
    const auto seed = static_cast<std::uint64_t>(30 * GetParam() + i);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Result<Graph> graph = random_graph(seed);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    const Result<std::vector<Value>> inputs = random_inputs(*graph, seed);
    ASSERT_TRUE(inputs.ok()) << inputs.status().message();
    const Result<std::vector<Value>> expected = evaluate(*graph, *inputs);
    ASSERT_TRUE(expected.ok()) << expected.status().message();
    Result<runtime::Program> program = compile::compile(*graph);
    ASSERT_TRUE(program.ok()) << program.status().message();
    runtime::SessionOptions options;
    options.threads = 1 + i % 3;
    const auto session = runtime::Session::open(
        std::make_shared<const runtime::Program>(std::move(program).value()), options);
    ASSERT_TRUE(session.ok()) << session.status().message();
    const Result<std::vector<Value>> got = (*session)->run(*inputs);
    ASSERT_TRUE(got.ok()) << got.status().message();
    ASSERT_EQ(got->size(), expected->size());
    for (std::size_t k = 0; k < got->size(); ++k) {
      const auto differs = difference((*got)[k], (*expected)[k], random_tolerance(*graph));
      EXPECT_FALSE(differs) << "output " << k << ": " << *differs;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Random, Compiled, ::testing::Range(0, 10));

INSTANTIATE_TEST_SUITE_P(Random, Written, ::testing::Range(0, 10));

}  // namespace
}  // namespace gossamer
