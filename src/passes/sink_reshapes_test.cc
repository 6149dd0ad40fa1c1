// The pass sink_reshapes: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(SinkReshapes, MovesPastABias) {
  expect_rewrite(sink_reshapes, R"(graph main(x: f32[12,4], b: f32[4]) -> (y) {
    a = copy(x) steps={reshape 3 4 =1}
    y = pointwise(a, b) program={(f32, f32) y0 = add x0 x1}
  })",
                 R"(graph main(x: f32[12,4], b: f32[4]) -> (y) {
    v0 = pointwise(x, b) program={(f32, f32) y0 = add x0 x1}
    y = copy(v0) steps={reshape 3 4 =1}
  })");
}

TEST(SinkReshapes, MovesPastWhatComesReshapedAlike) {
  expect_rewrite(sink_reshapes, R"(graph main(x: f32[n,4], z: f32[n,4]) -> (y) {
    two: f32[] = constant {2}
    a = copy(x) steps={reshape =0 1 =1}
    b = copy(z) steps={reshape =0 1 =1}
    y = pointwise(a, b, two) program={(f32, f32, f32) a = mul x1 x2; y0 = add x0 a}
  })",
                 R"(graph main(x: f32[n,4], z: f32[n,4]) -> (y) {
    two: f32[] = constant {2}
    v0 = pointwise(x, z, two) program={(f32, f32, f32) a = mul x1 x2; y0 = add x0 a}
    y = copy(v0) steps={reshape =0 1 =1}
  })");
}

TEST(SinkReshapes, StaysAboveWhatStandsAlongOtherAxes) {
  expect_kept(sink_reshapes, R"(graph main(x: f32[12,4], b: f32[3,1,1]) -> (y) {
    a = copy(x) steps={reshape 3 4 =1}
    y = pointwise(a, b) program={(f32, f32) y0 = add x0 x1}
  })");
}

}  // namespace
}  // namespace gossamer
