// The pass fuse_attention: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

// A file of an old opset.
Result<Graph> old_opset(const Graph& graph) {
  Graph old = graph;
  old.opsets[""] = 13;
  return fuse_attention(old);
}

TEST(FuseAttention, AsksForNoOpset) {
  expect_rewrite(old_opset,
                 R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5]) -> (y) {
    kt = copy(k) steps={permute 0 1 3 2}
    p = matmul(q, kt)
    w = softmax(p) axis=3
    y = matmul(w, v)
  })",
                 R"(graph main(q: f32[b,2,s,4], k: f32[b,2,t,4], v: f32[b,2,t,5]) -> (y) {
    kt = copy(k) steps={permute 0 1 3 2}
    v0 = copy(kt) steps={permute 0 1 3 2}
    y = attention(q, v0, v) empty_row=nan
  })");
}

}  // namespace
}  // namespace gossamer
