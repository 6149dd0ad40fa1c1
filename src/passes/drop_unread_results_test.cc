// The pass drop_unread_results: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(DropUnreadResults, LeavesOutStatistics) {
  expect_rewrite(drop_unread_results, R"(graph main(x: f32[2,8]) -> (y, z, m) {
    (y: f32[2,8], a: f32[2,1], b: f32[2,1]) = normalize(x) axes=[1]
    (z: f32[2,8], m: f32[2,1], c: f32[2,1]) = normalize(x) axes=[1]
  })",
                 R"(graph main(x: f32[2,8]) -> (y, z, m) {
    y = normalize(x) axes=[1]
    (z: f32[2,8], m: f32[2,1]) = normalize(x) axes=[1]
  })");
}

}  // namespace
}  // namespace gossamer
