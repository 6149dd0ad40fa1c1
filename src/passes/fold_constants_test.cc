// The pass fold_constants: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(FoldConstants, ComputesConstantsAndKnownShapes) {
  expect_rewrite(fold_constants, R"(graph main(x: f32[2,n]) -> (y, s) {
    a: f32[2] = constant {1, 2}
    b = pointwise(a) program={(f32) y0 = add x0 x0}
    c = copy(b) steps={reshape 2 1}
    y = pointwise(x, c) program={(f32, f32) y0 = mul x0 x1}
    t = shape(x) end=1
    s = pointwise(t, t) program={(i64, i64) y0 = add x0 x1}
  })",
                 R"(graph main(x: f32[2,n]) -> (y, s) {
    c: f32[2,1] = constant {2, 4}
    s_: i64[1] = constant {4}
    y = pointwise(x, c) program={(f32, f32) y0 = mul x0 x1}
    s = copy(s_) steps={}
  })");
}

TEST(FoldConstants, NeverMakesTheModelMuchLarger) {
  expect_kept(fold_constants, R"(graph main() -> (y) {
    a: f32[1] = constant {1}
    b: f32[65536] = copy(a) steps={expand 65536}
    y: f32[65536] = pointwise(b) program={(f32) y0 = neg x0}
  })");
}

TEST(FoldConstants, LeavesQuantizedWeightsAndRandomNumbers) {
  expect_kept(fold_constants, R"(graph main() -> (y, z) {
    q: i8[2] = constant {1, 2}
    n: i64[1] = constant {2}
    y: f32[2] = pointwise(q) program={(i8) y0 = dequantize<f32> x0 0.5:f32 0:i8}
    z: f32[2] = random(n)
  })");
}

}  // namespace
}  // namespace gossamer
