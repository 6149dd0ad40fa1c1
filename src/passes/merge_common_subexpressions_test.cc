// The pass merge_common_subexpressions: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(MergeCommonSubexpressions, ComputesEqualValuesOnce) {
  expect_rewrite(merge_common_subexpressions, R"(graph main(x: f32[2]) -> (y) {
    c: f32[2] = constant {1, 2}
    d: f32[2] = constant {1, 2}
    a = pointwise(x, c) program={(f32, f32) y0 = mul x0 x1}
    b = pointwise(x, d) program={(f32, f32) y0 = mul x0 x1}
    y = concat(a, b) axis=0
  })",
                 R"(graph main(x: f32[2]) -> (y) {
    c: f32[2] = constant {1, 2}
    a = pointwise(x, c) program={(f32, f32) y0 = mul x0 x1}
    y = concat(a, a) axis=0
  })");
}

TEST(MergeCommonSubexpressions, KeepsOutputsApartAndRandomNumbers) {
  expect_kept(merge_common_subexpressions, R"(graph main(x: f32[2], n: i64[1]) -> (y, z, p, q) {
    y: f32[2] = pointwise(x) program={(f32) y0 = neg x0}
    z: f32[2] = pointwise(x) program={(f32) y0 = neg x0}
    p: f32[u0] = random(n)
    q: f32[u1] = random(n)
  })");
}

}  // namespace
}  // namespace gossamer
