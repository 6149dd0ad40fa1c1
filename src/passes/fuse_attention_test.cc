// The pass fuse_attention: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

// A file of an old opset.
Result<Rewritten> old_opset(const Graph& graph) {
  Graph old = graph;
  old.opsets[""] = 13;
  return fuse_attention(old);
}

TEST(FuseAttention, AsksForNoOpset) {
  expect_rewrite(old_opset,
                 R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5]) -> (y) {
    kt = copy(k) steps={permute 0 1 3 2}
    p = matmul(q, kt)
    w = softmax(p) axis=3
    y = matmul(w, v)
  })",
                 R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5]) -> (y) {
    kt = copy(k) steps={permute 0 1 3 2}
    v0 = copy(kt) steps={permute 0 1 3 2}
    y = attention(q, v0, v) empty_row=nan
  })");
}

TEST(FuseAttention, TakesScalesOfQueriesAndKeys) {
  expect_rewrite(fuse_attention,
                 R"(graph main(q: f32[b,2,s,4], k: f32[b,t,2,4], v: f32[b,2,t,5]) -> (y) {
    half: f32[] = constant {0.5}
    qs = pointwise(q, half) program={(f32, f32) y0 = mul x0 x1}
    kt = copy(k) steps={permute 0 2 3 1}
    ks = pointwise(kt) program={(f32) y0 = div x0 4:f32}
    p = matmul(qs, ks)
    w = softmax(p) axis=3
    y = matmul(w, v)
  })",
                 R"(graph main(q: f32[b,2,s,4], k: f32[b,t,2,4], v: f32[b,2,t,5]) -> (y) {
    kt = copy(k) steps={permute 0 2 3 1}
    v0 = copy(kt) steps={permute 0 1 3 2}
    y = attention(q, v0, v) scale=0.125 empty_row=nan
  })");
}

TEST(FuseAttention, TakesConditionsForMasks) {
  expect_rewrite(
      fuse_attention,
      R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5], m: boolean[b,1,1,t]) -> (y, z) {
    p = matmul(q, k) trans_b=true
    c = pointwise(m, p) program={(boolean, f32) y0 = select x0 x1 -inf:f32}
    w = softmax(c) axis=3
    n = pointwise(w) program={(f32) a = isnan x0; y0 = select a 0:f32 x0}
    y = matmul(n, v)
    p1 = matmul(q, k) trans_b=true
    c1 = pointwise(m, p1) program={(boolean, f32) a = mul x1 0.5:f32; y0 = select x0 -1e10:f32 a}
    w1 = softmax(c1) axis=3
    z = matmul(w1, v)
  })",
      R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5], m: boolean[b,1,1,t]) -> (y, z) {
    y = attention(q, k, v, m)
    v1 = pointwise(m) program={(boolean) y0 = select x0 -1e30:f32 0:f32}
    z = attention(q, k, v, v1) scale=0.5 empty_row=nan
  })");
}

TEST(FuseAttention, TakesHeadsThatAreTheBatch) {
  expect_rewrite(fuse_attention, R"(graph main(q: f32[n,s,4], k: f32[n,t,4], v: f32[n,t,5]) -> (y) {
    p = matmul(q, k) trans_b=true
    w = softmax(p) axis=2
    y = matmul(w, v)
  })",
                 R"(graph main(q: f32[n,s,4], k: f32[n,t,4], v: f32[n,t,5]) -> (y) {
    v0 = copy(q) steps={reshape 1 =0 =1 =2}
    v1 = copy(k) steps={reshape 1 =0 =1 =2}
    v2 = copy(v) steps={reshape 1 =0 =1 =2}
    v3 = attention(v0, v1, v2) empty_row=nan
    y = copy(v3) steps={reshape =1 =2 =3}
  })");
}

}  // namespace
}  // namespace gossamer
