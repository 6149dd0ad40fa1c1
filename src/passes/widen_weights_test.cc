// The pass widen_weights: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(WidenWeights, ComputesDequantizedWeightsOfRecurrentLayersOnly) {
  const std::string head = R"(graph main(x: f32[2,1,1]) -> (y, z) {
    w: i8[1,1,1] = constant {2}
    r: f32[1,1,1] = constant {1}
    s: f32[] = constant {0.5}
)";
  const std::string tail =
      R"(    y = recurrent(x, f, r) cell=rnn activations=[tanh] alpha=[0.0] beta=[0.0]
    g = pointwise(w, s) program={(i8, f32) y0 = dequantize<f32> x0 x1 1:i8}
    z = pointwise(x, g) program={(f32, f32) y0 = mul x0 x1}
  })";
  const std::string f =
      "    f = pointwise(w, s) program={(i8, f32) y0 = dequantize<f32> x0 x1 0:i8}\n";
  expect_rewrite(widen_weights, head + f + tail,
                 head + "    f: f32[1,1,1] = constant {1}\n" + tail);
}

TEST(WidenWeights, ComputesDequantizedWeightsOfConvolutions) {
  const std::string head = R"(graph main(x: f32[1,1,4,4]) -> (y) {
    w: i8[1,1,1,2] = constant {2, 3}
    s: f32[] = constant {0.5}
)";
  const std::string tail = "    y = conv(x, f)\n  }";
  const std::string f =
      "    f = pointwise(w, s) program={(i8, f32) y0 = dequantize<f32> x0 x1 1:i8}\n";
  expect_rewrite(
      widen_weights, head + f + tail,
      "graph main(x: f32[1,1,4,4]) -> (y) {\n    f: f32[1,1,1,2] = constant {0.5, 1}\n" + tail);
}

TEST(WidenWeights, ComputesDequantizedBiases) {
  const std::string tail = "    y = pointwise(x, f) program={(f32, f32) y0 = add x0 x1}\n  }";
  expect_rewrite(widen_weights,
                 R"(graph main(x: f32[1,2]) -> (y) {
    b: i32[2] = constant {2, -3}
    s: f32[] = constant {0.5}
    f = pointwise(b, s) program={(i32, f32) y0 = dequantize<f32> x0 x1 0:i32}
)" + tail,
                 "graph main(x: f32[1,2]) -> (y) {\n    f: f32[2] = constant {1, -1.5}\n" + tail);
}

}  // namespace
}  // namespace gossamer
