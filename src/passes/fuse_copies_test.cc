// The pass fuse_copies: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(FuseCopies, SplitsHeadsInOneMove) {
  expect_rewrite(fuse_copies, R"(graph main(x: f32[b,6,24]) -> (q, k) {
    h = copy(x) steps={reshape =0 6 2 3 4}
    t = copy(h) steps={permute 2 0 3 1 4}
    a = copy(t) steps={slice 0 0:1}
    q = copy(a) steps={reshape =1 =2 =3 =4}
    c = copy(t) steps={slice 0 1:2}
    k = copy(c) steps={reshape =1 =2 =3 =4 | permute 0 1 3 2}
  })",
                 R"(graph main(x: f32[b,6,24]) -> (q, k) {
    q = copy(x) steps={reshape =0 6 2 3 4 | slice 2 0:1 | permute 2 0 3 1 4 | reshape =1 =2 =3 =4}
    k = copy(x) steps={reshape =0 6 2 3 4 | slice 2 1:2 | permute 2 0 3 1 4 | reshape =1 =2 =3 =4 | permute 0 1 3 2}
  })");
}

TEST(FuseCopies, LeavesWhatOthersReadToo) {
  expect_kept(fuse_copies, R"(graph main(x: f32[4,6]) -> (y, z) {
    t = copy(x) steps={permute 1 0}
    y = copy(t) steps={reshape 24}
    z = softmax(t) axis=0
  })");
}

}  // namespace
}  // namespace gossamer
