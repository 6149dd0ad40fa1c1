// The pass integer_products: graphs before and after.
#include "passes/test_pass.h"

namespace gossamer {
namespace {

TEST(IntegerProducts, MultipliesIntegersOfTheirOwnScales) {
  expect_rewrite(integer_products, R"(graph main(x: u8[n,4]) -> (y) {
    w: i8[4,2] = constant {1, 2, 3, 4, 5, 6, 7, 8}
    s: f32[2] = constant {0.5, 0.25}
    a = pointwise(x) program={(u8) y0 = dequantize<f32> x0 2:f32 3:u8}
    b = pointwise(w, s) program={(i8, f32) y0 = dequantize<f32> x0 x1 0:i8}
    y = matmul(a, b)
  })",
                 R"(graph main(x: u8[n,4]) -> (y) {
    w: i8[4,2] = constant {1, 2, 3, 4, 5, 6, 7, 8}
    v0: u8[] = constant {3}
    v1 = matmul(x, w, v0)
    v2: f32[2] = constant {1, 0.5}
    y = pointwise(v1, v2) program={(i32, f32) a = cast<f32> x0; y0 = mul a x1}
  })");
}

TEST(IntegerProducts, TakesAScalePerChannelWhereEachIsAGroup) {
  expect_rewrite(integer_products, R"(graph main(x: u8[1,2,4,4]) -> (y) {
    w: i8[2,1,1,2] = constant {1, 2, 3, 4}
    xs: f32[2,1,1] = constant {2, 4}
    xz: u8[2,1,1] = constant {3, 3}
    a = pointwise(x, xs, xz) program={(u8, f32, u8) y0 = dequantize<f32> x0 x1 x2}
    b = pointwise(w) program={(i8) y0 = dequantize<f32> x0 0.5:f32 0:i8}
    y = conv(a, b) group=2
  })",
                 R"(graph main(x: u8[1,2,4,4]) -> (y) {
    w: i8[2,1,1,2] = constant {1, 2, 3, 4}
    v0: u8[] = constant {3}
    v1 = conv(x, w, v0) group=2
    v2: f32[2,1,1] = constant {1, 2}
    y = pointwise(v1, v2) program={(i32, f32) a = cast<f32> x0; y0 = mul a x1}
  })");
}

TEST(IntegerProducts, LeavesProductsWithoutAScalePerFilter) {
  expect_kept(integer_products, R"(graph main(x: u8[n,2]) -> (y) {
    w: i8[2,2] = constant {1, 2, 3, 4}
    s: f32[2,1] = constant {0.5, 0.25}
    a = pointwise(x) program={(u8) y0 = dequantize<f32> x0 2:f32 3:u8}
    b = pointwise(w, s) program={(i8, f32) y0 = dequantize<f32> x0 x1 0:i8}
    y = matmul(a, b)
  })");
}

TEST(IntegerProducts, TakesMaximaOfIntegers) {
  expect_rewrite(integer_products, R"(graph main(x: u8[1,2,4,4]) -> (y) {
    a = pointwise(x) program={(u8) y0 = dequantize<f32> x0 2:f32 3:u8}
    b = pool(a) axes=[2,3] kernel=[2,2] strides=[2,2]
    y = pointwise(b) program={(f32) y0 = quantize<u8> x0 4:f32 3:u8}
  })",
                 R"(graph main(x: u8[1,2,4,4]) -> (y) {
    v0 = pool(x) axes=[2,3] kernel=[2,2] strides=[2,2]
    v1: f32[] = constant {2}
    v2: u8[] = constant {3}
    b = pointwise(v0, v1, v2) program={(u8, f32, u8) y0 = dequantize<f32> x0 x1 x2}
    y = pointwise(b) program={(f32) y0 = quantize<u8> x0 4:f32 3:u8}
  })");
}

TEST(IntegerProducts, DropsTheWayThereAndBack) {
  expect_rewrite(integer_products, R"(graph main(x: u8[1,2,4,4]) -> (y) {
    a = pointwise(x) program={(u8) y0 = dequantize<f32> x0 2:f32 3:u8}
    b = pool(a) axes=[2,3] kernel=[2,2] strides=[2,2]
    y = pointwise(b) program={(f32) y0 = quantize<u8> x0 2:f32 3:u8}
  })",
                 R"(graph main(x: u8[1,2,4,4]) -> (y) {
    y = pool(x) axes=[2,3] kernel=[2,2] strides=[2,2]
  })");
}

}  // namespace
}  // namespace gossamer
