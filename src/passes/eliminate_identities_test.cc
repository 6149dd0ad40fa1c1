// The pass eliminate_identities: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(EliminateIdentities, CancelsMovement) {
  expect_rewrite(eliminate_identities, R"(graph main(x: f32[2,3,n]) -> (y, z) {
    a = copy(x) steps={permute 0 2 1}
    b = copy(a) steps={permute 0 2 1}
    y = pointwise(b) program={(f32) y0 = neg x0}
    c = copy(b) steps={reshape 6 =2}
    z = copy(c) steps={reshape 3 2 =1}
  })",
                 R"(graph main(x: f32[2,3,n]) -> (y, z) {
    y = pointwise(x) program={(f32) y0 = neg x0}
    z = copy(x) steps={reshape 3 2 =2}
  })");
}

TEST(EliminateIdentities, MergesSlicesPadsAndPermutes) {
  expect_rewrite(eliminate_identities, R"(graph main(x: f32[8,9]) -> (y, z) {
    a = copy(x) steps={slice 0 1:7}
    y = copy(a) steps={permute 1 0 | slice 1 2:3}
    c = copy(x) steps={pad 1 1 0}
    z = copy(c) steps={pad 1 1 2}
  })",
                 R"(graph main(x: f32[8,9]) -> (y, z) {
    y = copy(x) steps={slice 0 3:4 | permute 1 0}
    z = copy(x) steps={pad 1 2 2}
  })");
}

TEST(EliminateIdentities, KeepsAnOutputOfItsOwn) {
  expect_kept(eliminate_identities, R"(graph main(x: f32[2]) -> (y) {
    y: f32[2] = copy(x) steps={}
  })");
}

TEST(EliminateIdentities, HandsOnOperandsAndParts) {
  expect_rewrite(eliminate_identities, R"(graph main(x: f32[2], e: f32[0]) -> (y) {
    a = pointwise(x) program={(f32) y0 = x0}
    b = concat(a, e) axis=0
    y = pointwise(b) program={(f32) y0 = neg x0}
  })",
                 R"(graph main(x: f32[2], e: f32[0]) -> (y) {
    y = pointwise(x) program={(f32) y0 = neg x0}
  })");
}

TEST(EliminateIdentities, PutsKnownExtentsIntoSteps) {
  expect_rewrite(eliminate_identities, R"(graph main(x: f32[8]) -> (y) {
    k: i64[2] = constant {2, 5}
    y = copy(x, k) steps={slice 0 @1[0]:@1[1]}
  })",
                 R"(graph main(x: f32[8]) -> (y) {
    y = copy(x) steps={slice 0 2:5}
  })");
}

TEST(EliminateIdentities, DropsReductionsOfOneElement) {
  expect_rewrite(eliminate_identities, R"(graph main(x: f32[n,1,1]) -> (y, z) {
    a = reduce(x) op=mean axes=[2]
    y = pointwise(a) program={(f32) y0 = neg x0}
    b = reduce(x) op=max axes=[1,2] keep=true
    z = pointwise(b) program={(f32) y0 = exp x0}
  })",
                 R"(graph main(x: f32[n,1,1]) -> (y, z) {
    a = copy(x) steps={reshape =0 =1}
    y = pointwise(a) program={(f32) y0 = neg x0}
    z = pointwise(x) program={(f32) y0 = exp x0}
  })");
}

}  // namespace
}  // namespace gossamer
