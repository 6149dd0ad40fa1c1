// The pass recover_activations: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(RecoverActivations, BringsBackGelu) {
  expect_rewrite(recover_activations, R"(graph main(x: f32[n,4]) -> (y) {
    root: f32[] = constant {1.4142135}
    one: f32[] = constant {1}
    half: f32[] = constant {0.5}
    a = pointwise(x, root) program={(f32, f32) y0 = div x0 x1}
    b = pointwise(a) program={(f32) y0 = erf x0}
    c = pointwise(one, b) program={(f32, f32) y0 = add x0 x1}
    d = pointwise(x, c) program={(f32, f32) y0 = mul x0 x1}
    y = pointwise(half, d) program={(f32, f32) y0 = mul x0 x1}
  })",
                 R"(graph main(x: f32[n,4]) -> (y) {
    y = pointwise(x) program={(f32) a = mul x0 0.70710677:f32; b = erf a; c = mul 0.5:f32 x0; d = add 1:f32 b; y0 = mul c d}
  })");
}

TEST(RecoverActivations, LeavesOtherConstants) {
  expect_kept(recover_activations, R"(graph main(x: f32[n,4]) -> (y) {
    y: f32[n,4] = pointwise(x) program={(f32) a = mul x0 0.7:f32; b = erf a; c = mul x0 0.5:f32; d = add b 1:f32; y0 = mul c d}
  })");
}

}  // namespace
}  // namespace gossamer
