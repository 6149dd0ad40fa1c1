// The pass simplify_pointwise: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(SimplifyPointwise, DropsWhatChangesNothing) {
  expect_rewrite(simplify_pointwise, R"(graph main(x: f32[4], b: boolean[4]) -> (y, z, w) {
    one: f32[] = constant {1}
    y = pointwise(x, one) program={(f32, f32) a = mul x0 x1; y0 = exp a}
    z = pointwise(x) program={(f32) a = neg x0; b = neg a; y0 = sub b 0:f32}
    w = pointwise(b) program={(boolean) y0 = and x0 1:boolean}
  })",
                 R"(graph main(x: f32[4], b: boolean[4]) -> (y, z, w) {
    y = pointwise(x) program={(f32) y0 = exp x0}
    z = pointwise(x) program={(f32) y0 = x0}
    w = pointwise(b) program={(boolean) y0 = x0}
  })");
}

TEST(SimplifyPointwise, DropsBoundsThatBoundNothing) {
  expect_rewrite(simplify_pointwise, R"(graph main(x: f32[4]) -> (y) {
    least: f32[] = constant {-inf}
    y = pointwise(x, least) program={(f32, f32) a = max x0 x1; b = min inf:f32 a; y0 = neg b}
  })",
                 R"(graph main(x: f32[4]) -> (y) {
    y = pointwise(x) program={(f32) y0 = neg x0}
  })");
}

TEST(SimplifyPointwise, KeepsWhatMattersForSpecialValues) {
  expect_kept(simplify_pointwise, R"(graph main(x: f32[4]) -> (y, z, w) {
    y: f32[4] = pointwise(x) program={(f32) y0 = add x0 0:f32}
    z: f32[4] = pointwise(x) program={(f32) y0 = mul x0 0:f32}
    w: f32[4] = pointwise(x) program={(f32) y0 = sub x0 x0}
  })");
}

TEST(SimplifyPointwise, TakesCheaperInstructions) {
  expect_rewrite(simplify_pointwise, R"(graph main(x: f32[4]) -> (y, z, w) {
    y = pointwise(x) program={(f32) y0 = div x0 8:f32}
    z = pointwise(x) program={(f32) y0 = div x0 3:f32}
    w = pointwise(x) program={(f32) y0 = pow x0 2:f32}
  })",
                 R"(graph main(x: f32[4]) -> (y, z, w) {
    y = pointwise(x) program={(f32) y0 = mul x0 0.125:f32}
    z = pointwise(x) program={(f32) y0 = div x0 3:f32}
    w = pointwise(x) program={(f32) y0 = mul x0 x0}
  })");
}

TEST(SimplifyPointwise, CastsThereAndBackOnlyWhenExact) {
  expect_rewrite(simplify_pointwise, R"(graph main(h: f16[4], x: f32[4]) -> (y, z) {
    a = pointwise(h) program={(f16) y0 = cast<f32> x0}
    y = pointwise(a) program={(f32) y0 = cast<f16> x0}
    b = pointwise(x) program={(f32) y0 = cast<f16> x0}
    z = pointwise(b) program={(f16) y0 = cast<f32> x0}
  })",
                 R"(graph main(h: f16[4], x: f32[4]) -> (y, z) {
    y = pointwise(h) program={(f16) y0 = x0}
    b = pointwise(x) program={(f32) y0 = cast<f16> x0}
    z = pointwise(b) program={(f16) y0 = cast<f32> x0}
  })");
}

}  // namespace
}  // namespace gossamer
