// The pass fold_scale_and_shift: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(FoldScaleAndShift, FoldsBatchNormalizationIntoConv) {
  expect_rewrite(fold_scale_and_shift, R"(graph main(x: f32[1,1,4]) -> (y) {
    w: f32[2,1,1] = constant {1, 2}
    b: f32[2,1] = constant {10, 20}
    s: f32[2,1] = constant {3, 4}
    t: f32[2,1] = constant {5, 6}
    c = conv(x, w)
    d = pointwise(c, b) program={(f32, f32) y0 = add x0 x1}
    y = pointwise(d, s, t) program={(f32, f32, f32) a = mul x0 x1; y0 = add a x2}
  })",
                 R"(graph main(x: f32[1,1,4]) -> (y) {
    w_0: f32[2,1,1] = constant {3, 8}
    w.bias: f32[2,1] = constant {35, 86}
    v0 = conv(x, w_0)
    y = pointwise(v0, w.bias) program={(f32, f32) y0 = add x0 x1}
  })");
}

TEST(FoldScaleAndShift, FoldsWhatComesBeforeMatMul) {
  expect_rewrite(fold_scale_and_shift, R"(graph main(x: f32[n,2]) -> (y) {
    s: f32[2] = constant {2, 3}
    t: f32[2] = constant {1, 1}
    w: f32[2,2] = constant {1, 2, 3, 4}
    a = pointwise(x, s, t) program={(f32, f32, f32) a = mul x0 x1; y0 = add a x2}
    y = matmul(a, w)
  })",
                 R"(graph main(x: f32[n,2]) -> (y) {
    w_0: f32[2,2] = constant {2, 4, 9, 12}
    w.bias: f32[2] = constant {4, 6}
    v0 = matmul(x, w_0)
    y = pointwise(v0, w.bias) program={(f32, f32) y0 = add x0 x1}
  })");
}

TEST(FoldScaleAndShift, KeepsShiftsBeforePaddingAndSharedValues) {
  expect_kept(fold_scale_and_shift, R"(graph main(x: f32[1,1,4]) -> (y, z, d) {
    w: f32[1,1,3] = constant {1, 2, 3}
    v: f32[1,1,1] = constant {1}
    a: f32[1,1,4] = pointwise(x) program={(f32) y0 = add x0 1:f32}
    y: f32[1,1,4] = conv(a, w) pads=[1, 1]
    z: f32[1,1,4] = conv(x, v)
    d: f32[1,1,4] = pointwise(z) program={(f32) y0 = mul x0 2:f32}
  })");
}

TEST(FoldScaleAndShift, LeavesActivationsWhole) {
  expect_kept(fold_scale_and_shift, R"(graph main(x: f32[n,2]) -> (y) {
    w: f32[2,1] = constant {1, 2}
    a = pointwise(x) program={(f32) a = div x0 1.4142135:f32; b = erf a; c = add b 1:f32; y0 = mul x0 c}
    g = pointwise(a) program={(f32) y0 = mul x0 0.5:f32}
    y = matmul(g, w)
  })");
}

}  // namespace
}  // namespace gossamer
