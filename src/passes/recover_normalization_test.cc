// The pass recover_normalization: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(RecoverNormalization, BringsBackLayerNormalization) {
  expect_rewrite(recover_normalization, R"(graph main(x: f32[n,4], g: f32[4], b: f32[4]) -> (y) {
    two: f32[] = constant {2}
    eps: f32[] = constant {1e-05}
    m = reduce(x) op=mean axes=[1] keep=true
    d = pointwise(x, m) program={(f32, f32) y0 = sub x0 x1}
    s = pointwise(d, two) program={(f32, f32) y0 = pow x0 x1}
    v = reduce(s) op=mean axes=[1] keep=true
    e = pointwise(v, eps) program={(f32, f32) y0 = add x0 x1}
    r = pointwise(e) program={(f32) y0 = sqrt x0}
    q = pointwise(d, r) program={(f32, f32) y0 = div x0 x1}
    t = pointwise(q, g) program={(f32, f32) y0 = mul x0 x1}
    y = pointwise(t, b) program={(f32, f32) y0 = add x0 x1}
  })",
                 R"(graph main(x: f32[n,4], g: f32[4], b: f32[4]) -> (y) {
    y = normalize(x, g, b) axes=[1]
  })");
}

TEST(RecoverNormalization, BringsBackRootMeanSquare) {
  expect_rewrite(recover_normalization, R"(graph main(x: f32[n,4], g: f32[4]) -> (y) {
    s = pointwise(x) program={(f32) y0 = mul x0 x0}
    v = reduce(s) op=mean axes=[1] keep=true
    r = pointwise(v) program={(f32) a = add x0 1e-06:f32; b = sqrt a; y0 = recip b}
    q = pointwise(x, r) program={(f32, f32) y0 = mul x0 x1}
    y = pointwise(g, q) program={(f32, f32) y0 = mul x0 x1}
  })",
                 R"(graph main(x: f32[n,4], g: f32[4]) -> (y) {
    y = normalize(x, g) axes=[1] center=false epsilon=1e-06
  })");
}

TEST(RecoverNormalization, WantsTheSameRowsThroughout) {
  expect_kept(recover_normalization, R"(graph main(x: f32[4,4], z: f32[4,4]) -> (y) {
    s: f32[4,4] = pointwise(z) program={(f32) y0 = mul x0 x0}
    v: f32[4,1] = reduce(s) op=mean axes=[1] keep=true
    r: f32[4,1] = pointwise(v) program={(f32) a = add x0 1e-06:f32; b = sqrt a; y0 = recip b}
    y: f32[4,4] = pointwise(x, r) program={(f32, f32) y0 = mul x0 x1}
  })");
}

}  // namespace
}  // namespace gossamer
