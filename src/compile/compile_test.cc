// Compiled programs against the reference, on graphs in text form and on random ones.
#include "compile/compile.h"

#include <gtest/gtest.h>

#include <random>

#include "base/compare.h"
#include "graph/text.h"
#include "kernels/gemm/bf16.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "runtime/session.h"

namespace gossamer::compile {
namespace {

Graph parse(std::string_view text) {
  Result<Graph> g = parse_graph(text, find_primitive);
  EXPECT_TRUE(g.ok()) << g.status().message();
  return g.ok() ? std::move(g).value() : Graph();
}

Value random_floats(const Shape& shape, unsigned seed) {
  Tensor t = Tensor::make(DType::f32, shape).value();
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  for (float& x : t.mutable_values<float>()) x = normal(generator);
  return Value(std::move(t));
}

// Steps by scalar code in the program.
int scalar_steps(const runtime::Program& p) {
  int n = 0;
  for (const runtime::Step& s : p.steps) n += !s.operation->is_kernel();
  return n;
}

// Compiles, runs at 1 to 3 threads, compares with the reference; gives the program.
std::shared_ptr<const runtime::Program> expect_same(const Graph& graph,
                                                    const std::vector<Value>& inputs) {
  Result<runtime::Program> compiled = compile(graph);
  EXPECT_TRUE(compiled.ok()) << compiled.status().message();
  if (!compiled.ok()) return nullptr;
  auto program = std::make_shared<const runtime::Program>(std::move(compiled).value());
  const auto expected = evaluate(graph, inputs);
  EXPECT_TRUE(expected.ok()) << expected.status().message();
  for (int threads = 1; threads <= 3; ++threads) {
    runtime::SessionOptions options;
    options.threads = threads;
    auto session = runtime::Session::open(program, options);
    EXPECT_TRUE(session.ok()) << session.status().message();
    if (!session.ok()) return nullptr;
    for (int run = 0; run < 2; ++run) {
      const auto actual = (*session)->run(inputs);
      EXPECT_TRUE(actual.ok()) << actual.status().message();
      if (!actual.ok()) return nullptr;
      for (std::size_t i = 0; i < actual->size(); ++i) {
        const auto d = difference((*actual)[i], (*expected)[i], Tolerance{1e-4, 1e-5});
        EXPECT_FALSE(d) << *d;
      }
    }
  }
  return program;
}

TEST(Compile, ConvWithBiasAndBoundsIsOneStep) {
  const Graph g = parse(R"(graph g(x: f32[1,3,9,9], w: f32[8,3,3,3]) -> (y) {
  b: f32[8,1,1] = constant {1, 2, 3, 4, 5, 6, 7, 8}
  v: f32[1,8,7,7] = conv(x, w)
  y: f32[1,8,7,7] = pointwise(v, b) program={(f32, f32) a = add x0 x1; c = max a 0:f32; y0 = min 6:f32 c}
}
)");
  // Weights that are no constants run by scalar code; the Pointwise by a kernel.
  const auto p = expect_same(g, {random_floats({1, 3, 9, 9}, 1), random_floats({8, 3, 3, 3}, 2)});
  ASSERT_TRUE(p);
  EXPECT_EQ(scalar_steps(*p), 1);
}

TEST(Compile, WeightsOfFourBitsAreReadByKernels) {
  const Graph g = parse(R"(graph g(x: f32[2,4]) -> (y) {
  w: u4[4,2] = constant {0, 1, 7, 8, 15, 3, 9, 12}
  s: f32[4,2] = constant {1, 2, 1, 2, 0.5, 0.25, 0.5, 0.25}
  d: f32[4,2] = pointwise(w, s) program={(u4, f32) y0 = dequantize<f32> x0 x1 8:u4}
  y: f32[2,2] = matmul(x, d)
}
)");
  const auto p = expect_same(g, {random_floats({2, 4}, 1)});
  ASSERT_TRUE(p);
  EXPECT_EQ(scalar_steps(*p), 0);
}

TEST(Compile, FastTakesBf16WhereThatPays) {
  const Graph source =
      parse(R"(graph g(x: f32[1,32,8,8], w: f32[128,32,1,1], v: f32[128,64]) -> (y) {
  a: f32[1,128,8,8] = conv(x, w)
  b: f32[1,128,64] = copy(a) steps={reshape 1 128 64}
  c: f32[1,64,128] = copy(b) steps={permute 0 2 1}
  d: f32[1,64,64] = matmul(c, v)
  y: f32[1,64,64] = pointwise(d) program={(f32) y0 = max x0 0:f32}
}
)");
  Graph g = source;
  const Value x = random_floats({1, 32, 8, 8}, 1);
  const Value w = random_floats({128, 32, 1, 1}, 2), v = random_floats({128, 64}, 3);
  for (const auto& [id, value] : {std::pair{g.inputs[1], &w}, std::pair{g.inputs[2], &v}})
    g.values[static_cast<std::size_t>(id)].constant = value->tensor;
  g.inputs.resize(1);
  CompileOptions options;
  options.fast = true;
  Result<runtime::Program> fast = compile(g, options);
  ASSERT_TRUE(fast.ok()) << fast.status().message();
  int narrow = 0;
  for (const runtime::Slot& s : fast->slots) narrow += s.dtype == DType::bf16;
  EXPECT_EQ(narrow > 0, kernels::bf16_pays());
  const auto expected = evaluate(source, std::vector<Value>{x, w, v});
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  auto program = std::make_shared<const runtime::Program>(std::move(fast).value());
  auto session = runtime::Session::open(program, {});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto actual = (*session)->run(std::vector<Value>{x});
  ASSERT_TRUE(actual.ok()) << actual.status().message();
  // Two products of some hundred terms, each rounded to 8 bits.
  const auto a = (*actual)[0].tensor.values<float>(), b = (*expected)[0].tensor.values<float>();
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 3) << i;
}

TEST(Compile, MovementThatAViewExpressesMovesNothing) {
  const Graph g = parse(R"(graph g(x: f32[2,6,4]) -> (y) {
  a: f32[2,4,6] = copy(x) steps={permute 0 2 1}
  b: f32[2,2,6] = copy(a) steps={slice 1 1:3}
  y: f32[2,2,6] = pointwise(b) program={(f32) y0 = exp x0}
}
)");
  const auto p = expect_same(g, {random_floats({2, 6, 4}, 3)});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->steps.size(), 1U);
}

TEST(Compile, PadsCropBeforeTheySpread) {
  const Graph g = parse(R"(graph g(x: f32[2,5]) -> (y, z) {
  one: i64[1] = constant {-1}
  y = copy(x, one) steps={pad 1 2 @1[0] interior 1}
  z = copy(x) steps={pad 1 1 3 interior 2}
})");
  const auto p = expect_same(g, {random_floats({2, 5}, 9)});
  ASSERT_TRUE(p);
  EXPECT_EQ(scalar_steps(*p), 1);
}

TEST(Compile, OperandsOfAConcatAreWrittenInPlace) {
  const Graph g = parse(R"(graph g(x: f32[2,3], z: f32[2,3]) -> (y) {
  a: f32[2,3] = pointwise(x) program={(f32) y0 = neg x0}
  b: f32[2,3] = pointwise(z) program={(f32) y0 = abs x0}
  y: f32[2,6] = concat(a, b) axis=1
}
)");
  const auto p = expect_same(g, {random_floats({2, 3}, 4), random_floats({2, 3}, 5)});
  ASSERT_TRUE(p);
  EXPECT_EQ(p->steps.size(), 2U);
}

TEST(Compile, OpenExtentsAreSettledWhenRun) {
  const Graph g = parse(R"(graph g(x: f32[n,m]) -> (y) {
  a: f32[m,n] = copy(x) steps={permute 1 0}
  b: f32[m,n] = softmax(a) axis=1
  y: f32[m*n] = copy(b) steps={reshape 0*1}
}
)");
  for (const std::int64_t n : {1, 3, 17}) expect_same(g, {random_floats({n, 5}, 6)});
}

TEST(Compile, ExtentsThatBroadcastWhenRun) {
  const Graph g = parse(R"(graph g(x: f32[2,n], z: f32[m]) -> (y) {
  y = pointwise(x, z) program={(f32, f32) y0 = add x0 x1}
}
)");
  for (const auto& [n, m] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{4, 4}, {1, 5}, {6, 1}, {1, 1}}) {
    const auto p = expect_same(g, {random_floats({2, n}, 6), random_floats({m}, 7)});
    ASSERT_TRUE(p);
    EXPECT_EQ(scalar_steps(*p), 0);
  }
}

TEST(Compile, PositionsAlongAnAxisAreFoundByKernels) {
  const Graph g = parse(R"(graph g(x: f32[3,n]) -> (a, v, i, c, s) {
  k: i64[1] = constant {2}
  at: i64[1,3] = constant {1, 0, -1}
  up: f32[1,3] = constant {5, 6, 7}
  a = arg_reduce(x) op=max axis=1
  (v, i) = top_k(x, k) axis=1
  c = cumulate(x) op=sum axis=0
  s = scatter(x, at, up) mode=along axis=1 combine=add
}
)");
  for (const std::int64_t n : {3, 9}) {
    const auto p = expect_same(g, {random_floats({3, n}, 11)});
    ASSERT_TRUE(p);
    EXPECT_EQ(scalar_steps(*p), 0);
  }
}

TEST(Compile, ReportsWorkOfScalarCode) {
  const Graph g = parse(R"(graph g(x: f32[4,4], b: f32[1,1,4,4]) -> (y, d) {
  w: f32[1,1,1,1] = constant {2}
  y = conv(b, w)
  d = det(x)
}
)");
  WorkReport work;
  ASSERT_TRUE(compile(g, {}, &work).ok());
  ASSERT_EQ(work.scalar.size(), 1U);
  EXPECT_EQ(work.scalar.begin()->first, "det");
  EXPECT_GT(work.scalar_share(), 0);
  EXPECT_LT(work.scalar_share(), 1);
}

TEST(Compile, AnOutputMayBeAnInputOrAnotherOutput) {
  const Graph g = parse(R"(graph g(x: f32[2,3]) -> (x, y, y) {
  y: f32[2,3] = pointwise(x) program={(f32) y0 = neg x0}
}
)");
  expect_same(g, {random_floats({2, 3}, 7)});
}

TEST(Compile, ExtentsKnownOnlyWhileRunning) {
  const Graph g = parse(R"(graph g(x: f32[8]) -> (y) {
  zero: f32[] = constant {0}
  p: boolean[8] = pointwise(x, zero) program={(f32, f32) y0 = lt x1 x0}
  i: i64[1,u0] = non_zero(p)
  t: i64[u0,1] = copy(i) steps={permute 1 0}
  v: f32[u0] = gather(x, t) mode=nd
  y: f32[u0] = pointwise(v) program={(f32) y0 = mul x0 x0}
}
)");
  expect_same(g, {random_floats({8}, 8)});
}

}  // namespace
}  // namespace gossamer::compile
