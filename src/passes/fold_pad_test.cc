// The pass fold_pad: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(FoldPad, PadsInConvAndPool) {
  expect_rewrite(fold_pad, R"(graph main(x: f32[1,1,4], w: f32[1,1,3]) -> (y, z) {
    p = copy(x) steps={pad 2 1 2}
    y = conv(p, w) pads=[1, 0]
    z = pool(p) op=mean axes=[2] kernel=[3]
  })",
                 R"(graph main(x: f32[1,1,4], w: f32[1,1,3]) -> (y, z) {
    y = conv(x, w) pads=[2, 2]
    z = pool(x) op=mean axes=[2] kernel=[3] pads=[1, 2] count_pad=true
  })");
}

TEST(FoldPad, KeepsOtherPadding) {
  expect_kept(fold_pad, R"(graph main(x: f32[1,1,4], w: f32[1,2,3]) -> (y, z) {
    p: f32[1,2,4] = copy(x) steps={pad 1 0 1}
    y: f32[1,1,2] = conv(p, w)
    q: f32[1,1,6] = copy(x) steps={pad 2 1 1}
    z: f32[1,1,4] = pool(q) axes=[2] kernel=[3]
  })");
}

}  // namespace
}  // namespace gossamer
