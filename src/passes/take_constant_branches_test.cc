// The pass take_constant_branches: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(TakeConstantBranches, PutsTheBranchInPlace) {
  expect_rewrite(take_constant_branches, R"(graph main(x: f32[2], c: boolean[]) -> (y, z) {
    no: boolean[] = constant {false}
    y = if(no, x) {
      graph then(a: f32[2]) -> (b) {
        b = pointwise(a) program={(f32) y0 = neg x0}
      }
      graph else(a: f32[2]) -> (b) {
        one: f32[2] = constant {1, 2}
        b = pointwise(a, one) program={(f32, f32) y0 = add x0 x1}
      }
    }
    z = if(c, x) {
      graph then(a: f32[2]) -> (a) {
      }
      graph else(a: f32[2]) -> (a) {
      }
    }
  })",
                 R"(graph main(x: f32[2], c: boolean[]) -> (y, z) {
    one: f32[2] = constant {1, 2}
    y = pointwise(x, one) program={(f32, f32) y0 = add x0 x1}
    z = if(c, x) {
      graph then(a: f32[2]) -> (a) {
      }
      graph else(a: f32[2]) -> (a) {
      }
    }
  })");
}

}  // namespace
}  // namespace gossamer
