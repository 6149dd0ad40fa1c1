// The pass move_picks_ahead: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(MovePicksAhead, SlicesBeforeComputing) {
  expect_rewrite(move_picks_ahead, R"(graph main(x: f32[8,4], w: f32[4,4], b: f32[4]) -> (y) {
    a = pointwise(x, b) program={(f32, f32) y0 = add x0 x1}
    y = copy(a) steps={slice 0 2:3}
  })",
                 R"(graph main(x: f32[8,4], w: f32[4,4], b: f32[4]) -> (y) {
    v0 = copy(x) steps={slice 0 2:3}
    y = pointwise(v0, b) program={(f32, f32) y0 = add x0 x1}
  })");
}

TEST(MovePicksAhead, GathersARowBeforeAProduct) {
  expect_rewrite(move_picks_ahead, R"(graph main(x: f32[8,4], w: f32[4,4]) -> (y) {
    i: i64[] = constant {0}
    a = matmul(x, w)
    y = gather(a, i)
  })",
                 R"(graph main(x: f32[8,4], w: f32[4,4]) -> (y) {
    v0: i64[1] = constant {0}
    v1 = gather(x, v0)
    v2 = matmul(v1, w)
    y = copy(v2) steps={reshape =1}
  })");
}

TEST(MovePicksAhead, StaysBehindWhatNeedsTheWholeRow) {
  expect_kept(move_picks_ahead, R"(graph main(x: f32[8,4]) -> (y, b, c) {
    a: f32[8,4] = softmax(x) axis=1
    y: f32[8,1] = copy(a) steps={slice 1 0:1}
    b: f32[8,4] = pointwise(x) program={(f32) y0 = neg x0}
    c: f32[1,4] = copy(b) steps={slice 0 0:1}
  })");
}

}  // namespace
}  // namespace gossamer
