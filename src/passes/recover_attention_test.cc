// The pass recover_attention: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(RecoverAttention, BringsBackScaleAndMask) {
  expect_rewrite(
      recover_attention,
      R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5], m: f32[b,1,1,t]) -> (y) {
    half: f32[] = constant {0.5}
    kt = copy(k) steps={permute 0 1 3 2}
    p = matmul(q, kt)
    c = pointwise(p, half) program={(f32, f32) y0 = mul x0 x1}
    d = pointwise(c, m) program={(f32, f32) y0 = add x0 x1}
    w = softmax(d) axis=3
    y = matmul(w, v)
  })",
      R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5], m: f32[b,1,1,t]) -> (y) {
    kt = copy(k) steps={permute 0 1 3 2}
    v0 = copy(kt) steps={permute 0 1 3 2}
    y = attention(q, v0, v, m) scale=0.5 empty_row=nan
  })");
}

TEST(RecoverAttention, LeavesMasksThatSpanNotAllKeys) {
  expect_kept(
      recover_attention,
      R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5], m: f32[b,1,1,1]) -> (y) {
    kt = copy(k) steps={permute 0 1 3 2}
    p = matmul(q, kt)
    d = pointwise(p, m) program={(f32, f32) y0 = add x0 x1}
    w = softmax(d) axis=3
    y = matmul(w, v)
  })");
}

}  // namespace
}  // namespace gossamer
