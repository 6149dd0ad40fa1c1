// The pass merge_siblings: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(MergeSiblings, MakesOneProductOfQueriesAndKeys) {
  expect_rewrite(merge_siblings, R"(graph main(x: f32[n,2]) -> (q, k) {
    wq: f32[2,2] = constant {1, 2, 3, 4}
    bq: f32[2] = constant {1, 2}
    wk: f32[2,1] = constant {5, 6}
    bk: f32[1] = constant {3}
    a = matmul(x, wq)
    b = pointwise(a, bq) program={(f32, f32) y0 = add x0 x1}
    q = copy(b) steps={permute 1 0}
    c = matmul(x, wk)
    d = pointwise(bk, c) program={(f32, f32) y0 = add x0 x1}
    k = copy(d) steps={permute 1 0}
  })",
                 R"(graph main(x: f32[n,2]) -> (q, k) {
    v0: f32[2,3] = constant {1, 2, 5, 3, 4, 6}
    v2: f32[3] = constant {1, 2, 3}
    v1 = matmul(x, v0)
    v3 = pointwise(v1, v2) program={(f32, f32) y0 = add x0 x1}
    b = copy(v3) steps={slice 1 0:2}
    d = copy(v3) steps={slice 1 2:3}
    q = copy(b) steps={permute 1 0}
    k = copy(d) steps={permute 1 0}
  })");
}

TEST(MergeSiblings, MergesConvolutions) {
  expect_rewrite(merge_siblings, R"(graph main(x: f32[1,2,n]) -> (y, z) {
    u: f32[1,2,1] = constant {1, 2}
    v: f32[2,2,1] = constant {3, 4, 5, 6}
    a = conv(x, u)
    b = conv(x, v)
    y = copy(a) steps={permute 0 2 1}
    z = copy(b) steps={permute 0 2 1}
  })",
                 R"(graph main(x: f32[1,2,n]) -> (y, z) {
    v0: f32[3,2,1] = constant {1, 2, 3, 4, 5, 6}
    v1 = conv(x, v0)
    a = copy(v1) steps={slice 1 0:1}
    b = copy(v1) steps={slice 1 1:3}
    y = copy(a) steps={permute 0 2 1}
    z = copy(b) steps={permute 0 2 1}
  })");
}

TEST(MergeSiblings, LeavesProductsThatAreComputedWith) {
  expect_kept(merge_siblings, R"(graph main(x: f32[n,2]) -> (y, z) {
    u: f32[2,2] = constant {1, 2, 3, 4}
    v: f32[2,2] = constant {5, 6, 7, 8}
    a = matmul(x, u)
    y = pointwise(a) program={(f32) y0 = exp x0}
    b = matmul(x, v)
    z = pointwise(b) program={(f32) y0 = tanh x0}
  })");
}

}  // namespace
}  // namespace gossamer
