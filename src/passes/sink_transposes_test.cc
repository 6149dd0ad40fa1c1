// The pass sink_transposes: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(SinkTransposes, MovesThemPastElementwiseWorkAndReductions) {
  expect_rewrite(sink_transposes, R"(graph main(x: f32[2,3,4], z: f32[2,3,4]) -> (y) {
    a = copy(x) steps={permute 0 2 1}
    b = copy(z) steps={permute 0 2 1}
    c = pointwise(a, b) program={(f32, f32) y0 = add x0 x1}
    y = reduce(c) axes=[1] keep=true
  })",
                 R"(graph main(x: f32[2,3,4], z: f32[2,3,4]) -> (y) {
    v0 = pointwise(x, z) program={(f32, f32) y0 = add x0 x1}
    v2 = reduce(v0) axes=[2] keep=true
    y = copy(v2) steps={permute 0 2 1}
  })");
}

TEST(SinkTransposes, LeavesUnequalOperandsAndSharedValues) {
  expect_kept(sink_transposes, R"(graph main(x: f32[2,3,3], z: f32[2,3,3]) -> (y, a) {
    a: f32[2,3,3] = copy(x) steps={permute 0 2 1}
    c: f32[2,3,3] = pointwise(a, z) program={(f32, f32) y0 = add x0 x1}
    y: f32[2,3,3] = softmax(c) axis=2
  })");
}

}  // namespace
}  // namespace gossamer
