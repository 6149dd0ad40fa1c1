// The pass fuse_activations: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

constexpr std::string_view kSpelledOut = R"(graph main(x: f32[n,4]) -> (y) {
    a = pointwise(x) program={(f32) y0 = div x0 1.4142135:f32}
    b = pointwise(a) program={(f32) a = erf x0; y0 = add a 1:f32}
    c = pointwise(x, b) program={(f32, f32) a = mul x0 x1; y0 = mul a 0.5:f32}
    y = pointwise(c) program={(f32) y0 = neg x0}
  })";

template <Result<Rewritten> (*Pass)(const Graph&)>
Result<Rewritten> at_opset_17(const Graph& graph) {
  Graph old = graph;
  old.opsets[""] = 17;
  return Pass(old);
}

TEST(FuseActivations, AsksForNoOpset) {
  expect_rewrite(at_opset_17<fuse_activations>, kSpelledOut, R"(graph main(x: f32[n,4]) -> (y) {
    v0 = pointwise(x) program={(f32) a = mul x0 0.70710677:f32; b = erf a; c = mul 0.5:f32 x0; d = add 1:f32 b; y0 = mul c d}
    y = pointwise(v0) program={(f32) y0 = neg x0}
  })");
}

TEST(FuseActivations, IsTheOnlyPassThatRespellsWhereTheOpsetHasNoOperator) {
  expect_kept(at_opset_17<recover_activations>, kSpelledOut);
}

}  // namespace
}  // namespace gossamer
