// Random graphs through the text form, through the writer (spelled in the standard's operators,
// read again and lowered) and through the compiler give the same answers. In this room because it
// sees the generator and all three. GOSSAMER_RANDOM_SEEDS=FIRST:COUNT chooses other seeds than the
// first 300.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "base/compare.h"
#include "compile/compile.h"
#include "generate/generate.h"
#include "graph/text.h"
#include "onnx/lower.h"
#include "onnx/model.h"
#include "onnx/proto_writer.h"
#include "onnx/writer.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"
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

Result<std::vector<Value>> run_compiled(const RandomCase& made, int threads) {
  ASSIGN(runtime::Program program, compile::compile(made.graph));
  runtime::SessionOptions options;
  options.threads = threads;
  ASSIGN(const auto session,
         runtime::Session::open(std::make_shared<const runtime::Program>(std::move(program)),
                                options));
  return session->run(made.inputs);
}

bool same_bits(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.list().size() != b.list().size()) return false;
  for (std::size_t i = 0; i < a.list().size(); ++i)
    if (!same_bits(a.list()[i], b.list()[i])) return false;
  return !a.is_tensor() || a.tensor.same_bits(b.tensor);
}

void expect_answers(const RandomCase& made, const Result<std::vector<Value>>& got) {
  if (!got.ok()) {
    ADD_FAILURE() << got.status().message();
    return;
  }
  ASSERT_EQ(got->size(), made.outputs.size());
  for (std::size_t k = 0; k < got->size(); ++k) {
    const auto differs = difference((*got)[k], made.outputs[k], random_tolerance(made.graph));
    EXPECT_FALSE(differs) << "output " << k << ": " << *differs;
  }
}

// FIRST:COUNT of GOSSAMER_RANDOM_SEEDS, or the first 300.
std::pair<std::uint64_t, std::uint64_t> asked_seeds() {
  const char* asked = std::getenv("GOSSAMER_RANDOM_SEEDS");
  std::uint64_t first = 0, count = 300;
  if (asked != nullptr) std::sscanf(asked, "%" SCNu64 ":%" SCNu64, &first, &count);
  return {first, count};
}

constexpr std::uint64_t kParts = 10;

// Each part of the seeds is a test of its own.
class RandomGraphs : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  template <class Check>
  void for_each_case(Check check) {
    const auto [first, count] = asked_seeds();
    for (std::uint64_t seed = first + GetParam(); seed < first + count; seed += kParts) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      const Result<RandomCase> made = random_case(seed);
      ASSERT_TRUE(made.ok()) << made.status().message();
      check(*made, seed);
    }
  }
};

TEST_P(RandomGraphs, GiveTheSameBitsFromText) {
  for_each_case([](const RandomCase& made, std::uint64_t) {
    const std::string text = to_text(made.graph, {.full = true});
    const Result<Graph> again = parse_graph(text, find_primitive);
    ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << text;
    EXPECT_EQ(to_text(*again, {.full = true}), text);
    const Result<std::vector<Value>> repeated = evaluate(*again, made.inputs);
    ASSERT_TRUE(repeated.ok()) << repeated.status().message();
    ASSERT_EQ(repeated->size(), made.outputs.size());
    for (std::size_t k = 0; k < made.outputs.size(); ++k)
      EXPECT_TRUE(same_bits((*repeated)[k], made.outputs[k])) << "output " << k;
  });
}

TEST_P(RandomGraphs, GiveTheSameAnswersWritten) {
  for_each_case([](const RandomCase& made, std::uint64_t) {
    const Result<Graph> again = through_onnx(made.graph);
    ASSERT_TRUE(again.ok()) << again.status().message();
    expect_answers(made, evaluate(*again, made.inputs));
  });
}

TEST_P(RandomGraphs, GiveTheSameAnswersCompiled) {
  for_each_case([](const RandomCase& made, std::uint64_t seed) {
    expect_answers(made, run_compiled(made, static_cast<int>(1 + seed % 3)));
  });
}

INSTANTIATE_TEST_SUITE_P(Part, RandomGraphs, ::testing::Range(std::uint64_t{0}, kParts));

}  // namespace
}  // namespace gossamer
