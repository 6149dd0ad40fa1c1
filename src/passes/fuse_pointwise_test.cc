// The pass fuse_pointwise: graphs before and after.
#include "passes/test_pass.h"
#include "reference/pointwise.h"

namespace gossamer {
namespace {

TEST(FusePointwise, MergesChainsAndNets) {
  expect_rewrite(fuse_pointwise, R"(graph main(x: f32[n,8], b: f32[8]) -> (y) {
    half: f32[] = constant {0.5}
    s = pointwise(x, b) program={(f32, f32) y0 = add x0 x1}
    g = pointwise(s) program={(f32) y0 = sigmoid x0}
    h = pointwise(half, s) program={(f32, f32) y0 = mul x0 x1}
    y = pointwise(h, g) program={(f32, f32) y0 = mul x0 x1}
  })",
                 R"(graph main(x: f32[n,8], b: f32[8]) -> (y) {
    y = pointwise(x, b) program={(f32, f32) a = add x0 x1; b = sigmoid a; c = mul a 0.5:f32; y0 = mul c b}
  })");
}

TEST(FusePointwise, ComputesNothingOnMoreElementsThanBefore) {
  expect_kept(fuse_pointwise, R"(graph main(x: f32[n,8], b: f32[8]) -> (y) {
    e = pointwise(b) program={(f32) y0 = exp x0}
    y = pointwise(x, e) program={(f32, f32) y0 = mul x0 x1}
  })");
}

TEST(FusePointwise, LeavesWhatOthersReadBefore) {
  expect_kept(fuse_pointwise, R"(graph main(x: f32[n,8]) -> (y) {
    e = pointwise(x) program={(f32) y0 = exp x0}
    s = reduce(e) axes=[1] keep=true
    y = pointwise(e, s) program={(f32, f32) y0 = div x0 x1}
  })");
}

TEST(FusePointwise, KeepsAResultThatOthersReadLater) {
  expect_rewrite(fuse_pointwise, R"(graph main(x: f32[n,8]) -> (y, e) {
    e = pointwise(x) program={(f32) y0 = exp x0}
    y = pointwise(e) program={(f32) y0 = neg x0}
  })",
                 R"(graph main(x: f32[n,8]) -> (y, e) {
    (e: f32[n,8], y: f32[n,8]) = pointwise(x) program={(f32) y0 = exp x0; y1 = neg y0}
  })");
}

TEST(FusePointwise, LeavesEveryProductItsEpilogue) {
  expect_rewrite(fuse_pointwise, R"(graph main(x: f32[n,2], z: f32[n,2]) -> (y) {
    w: f32[2,2] = constant {1, 2, 3, 4}
    b: f32[2] = constant {1, 2}
    p = matmul(x, w)
    q = matmul(z, w)
    pb = pointwise(b, p) program={(f32, f32) y0 = add x0 x1}
    qb = pointwise(b, q) program={(f32, f32) y0 = add x0 x1}
    s = pointwise(pb, qb) program={(f32, f32) y0 = add x0 x1}
    y = pointwise(s) program={(f32) y0 = max x0 0:f32}
  })",
                 R"(graph main(x: f32[n,2], z: f32[n,2]) -> (y) {
    w: f32[2,2] = constant {1, 2, 3, 4}
    b: f32[2] = constant {1, 2}
    p = matmul(x, w)
    q = matmul(z, w)
    pb = pointwise(p, b) program={(f32, f32) y0 = add x0 x1}
    y = pointwise(q, b, pb) program={(f32, f32, f32) a = add x0 x1; b = add a x2; y0 = max b 0:f32}
  })");
}

TEST(FusePointwise, ProductsThatMeetAreQuantizedByThemselves) {
  const char* text = R"(graph main(x: f32[n,2], z: f32[n,2]) -> (y) {
    w: f32[2,2] = constant {1, 2, 3, 4}
    p = matmul(x, w)
    q = matmul(z, w)
    ps = pointwise(p) program={(f32) y0 = mul x0 2:f32}
    pq = pointwise(ps) program={(f32) y0 = quantize<u8> x0 0.5:f32 3:u8}
    qq = pointwise(q) program={(f32) y0 = quantize<u8> x0 0.25:f32 3:u8}
    pd = pointwise(pq) program={(u8) y0 = dequantize<f32> x0 0.5:f32 3:u8}
    qd = pointwise(qq) program={(u8) y0 = dequantize<f32> x0 0.25:f32 3:u8}
    y = pointwise(pd, qd) program={(f32, f32) y0 = add x0 x1}
  })";
  expect_rewrite(fuse_pointwise, text, R"(graph main(x: f32[n,2], z: f32[n,2]) -> (y) {
    w: f32[2,2] = constant {1, 2, 3, 4}
    p = matmul(x, w)
    q = matmul(z, w)
    pq = pointwise(p) program={(f32) a = mul x0 2:f32; y0 = quantize<u8> a 0.5:f32 3:u8}
    y = pointwise(q, pq) program={(f32, u8) a = quantize<u8> x0 0.25:f32 3:u8; b = dequantize<f32> x1 0.5:f32 3:u8; c = dequantize<f32> a 0.25:f32 3:u8; y0 = add b c}
  })");
}

TEST(FusePointwise, KeepsTheRoundingBetweenOperators) {
  expect_rewrite(fuse_pointwise, R"(graph main(x: f16[8]) -> (y) {
    a = pointwise(x) program={(f16) a = cast<f32> x0; b = exp a; y0 = cast<f16> b}
    y = pointwise(a) program={(f16) a = cast<f32> x0; b = neg a; y0 = cast<f16> b}
  })",
                 R"(graph main(x: f16[8]) -> (y) {
    y = pointwise(x) program={(f16) a = cast<f32> x0; b = exp a; c = cast<f16> b; d = cast<f32> c; e = neg d; y0 = cast<f16> e}
  })");
}

TEST(FusePointwise, StopsAtTheLongestProgram) {
  std::string chain =
      "graph main(x: f32[4]) -> (v99) {\n v0 = pointwise(x) program={(f32) y0 = sin x0}\n";
  for (int i = 1; i < 100; ++i)
    chain += " v" + std::to_string(i) + " = pointwise(v" + std::to_string(i - 1) +
             ") program={(f32) y0 = sin x0}\n";
  const Result<Graph> graph = parse_graph(chain + "}", find_primitive);
  ASSERT_TRUE(graph.ok());
  const Result<Rewritten> fused = fuse_pointwise(*graph);
  ASSERT_TRUE(fused.ok() && *fused);
  ASSERT_EQ((*fused)->nodes.size(), 2U);
  for (const Node& node : (*fused)->nodes)
    EXPECT_LE(attributes_of<PointwiseAttributes>(node).program.instructions.size(), 64U);
}

TEST(FusePointwise, KeepsTheRankThatAScalarGives) {
  expect_rewrite(fuse_pointwise, R"(graph main(x: f32[4]) -> (y) {
    two: f32[1,1] = constant {2}
    y = pointwise(x, two) program={(f32, f32) y0 = mul x0 x1}
  })",
                 R"(graph main(x: f32[4]) -> (y) {
    two: f32[1,1] = constant {2}
    y = pointwise(x, two) program={(f32, f32) y0 = mul x0 2:f32}
  })");
}

}  // namespace
}  // namespace gossamer
