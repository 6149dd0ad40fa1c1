// The pass unroll_loops: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(UnrollLoops, WritesOutFewTrips) {
  expect_rewrite(unroll_loops, R"(graph main(s: f32[2], x: f32[2,2]) -> (t, all) {
    (t, all) = loop(_, _, s, x) carried=1 axes=[0] reversed=[false] stacked_axes=[0] stacked_reversed=[true] stacked_dtypes=[f32] stacked_extents=[[2]] {
      graph body(a: f32[2], b: f32[2]) -> (c, d) {
        c: f32[2] = pointwise(a, b) program={(f32, f32) y0 = add x0 x1}
        d: f32[2] = pointwise(c) program={(f32) y0 = neg x0}
      }
    }
  })",
                 R"(graph main(s: f32[2], x: f32[2,2]) -> (t, all) {
    v0 = copy(x) steps={slice 0 0:1}
    v1 = copy(v0) steps={reshape =1}
    v2 = pointwise(s, v1) program={(f32, f32) y0 = add x0 x1}
    v3 = pointwise(v2) program={(f32) y0 = neg x0}
    v4 = copy(x) steps={slice 0 1:2}
    v5 = copy(v4) steps={reshape =1}
    t = pointwise(v2, v5) program={(f32, f32) y0 = add x0 x1}
    v7 = pointwise(t) program={(f32) y0 = neg x0}
    v8 = copy(v7) steps={reshape 1 =0}
    v9 = copy(v3) steps={reshape 1 =0}
    all = concat(v8, v9)
  })");
}

TEST(UnrollLoops, LeavesLongAndOpenLoops) {
  expect_kept(unroll_loops, R"(graph main(s: f32[2], n: i64[], c: boolean[]) -> (t) {
    many: i64[] = constant {1000}
    yes: boolean[] = constant {true}
    u: f32[2] = loop(many, yes, s) carried=1 conditional=true {
      graph body(i: i64[], go: boolean[], a: f32[2]) -> (go, c) {
        c: f32[2] = pointwise(a) program={(f32) y0 = neg x0}
      }
    }
    t: f32[2] = loop(n, c, u) carried=1 conditional=true {
      graph body(i: i64[], go: boolean[], a: f32[2]) -> (go, c) {
        c: f32[2] = pointwise(a) program={(f32) y0 = neg x0}
      }
    }
  })");
}

}  // namespace
}  // namespace gossamer
