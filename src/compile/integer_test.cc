// Compiled integer products against the reference.
#include <gtest/gtest.h>

#include <random>

#include "compile/compile.h"
#include "graph/text.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "runtime/session.h"

namespace gossamer::compile {
namespace {

template <class T>
std::string numbers(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  for (std::int64_t i = 0; i < count; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(static_cast<int>(static_cast<T>(random())));
  return text;
}

template <class T>
Value random_bytes(const Shape& shape, unsigned seed) {
  Tensor t = Tensor::make(dtype_of<T>, shape).value();
  std::mt19937 random(seed);
  for (T& x : t.mutable_values<T>()) x = static_cast<T>(random());
  return Value(std::move(t));
}

// Compiles and runs; results of 8 and 32 bits must be those of the reference, but for `slack`.
void expect_integers(const std::string& text, const std::vector<Value>& inputs, std::size_t steps,
                     int slack) {
  Result<Graph> graph = parse_graph(text, find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  Result<runtime::Program> compiled = compile(*graph);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  EXPECT_EQ(compiled->steps.size(), steps);
  for (const runtime::Step& s : compiled->steps) EXPECT_TRUE(s.operation->is_kernel());
  auto program = std::make_shared<const runtime::Program>(std::move(compiled).value());
  const auto expected = evaluate(*graph, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  auto session = runtime::Session::open(program, {});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto actual = (*session)->run(inputs);
  ASSERT_TRUE(actual.ok()) << actual.status().message();
  for (std::size_t i = 0; i < actual->size(); ++i) {
    const Tensor &a = (*actual)[i].tensor, &b = (*expected)[i].tensor;
    ASSERT_EQ(a.dtype(), b.dtype());
    ASSERT_EQ(a.count(), b.count());
    for (std::size_t k = 0; k < static_cast<std::size_t>(a.count()); ++k) {
      const auto at = [&](const Tensor& t) {
        return t.dtype() == DType::i32  ? t.values<std::int32_t>()[k]
               : t.dtype() == DType::u8 ? t.values<std::uint8_t>()[k]
                                        : t.values<std::int8_t>()[k];
      };
      ASSERT_NEAR(at(a), at(b), slack) << k;
    }
  }
}

TEST(CompileIntegers, MatMulWithZeroPoints) {
  expect_integers("graph main(x: i8[2,5,6], z: i8[]) -> (y) {\n w: u8[6,7] = constant {" +
                      numbers<std::uint8_t>(42, 1) + "}\n wz: u8[7] = constant {" +
                      numbers<std::uint8_t>(7, 2) + "}\n y = matmul(x, w, z, wz)\n}",
                  {random_bytes<std::int8_t>({2, 5, 6}, 3), random_bytes<std::int8_t>({}, 4)}, 1,
                  0);
}

TEST(CompileIntegers, QuantizedConvolutionsInARow) {
  const std::string text = "graph main(x: u8[1,3,8,8]) -> (y) {\n w: i8[8,3,3,3] = constant {" +
                           numbers<std::int8_t>(216, 1) + "}\n v: i8[8,1,3,3] = constant {" +
                           numbers<std::int8_t>(72, 2) + "}\n u: i8[8,8,1,1] = constant {" +
                           numbers<std::int8_t>(64, 3) + R"(}
    a = pointwise(x) program={(u8) y0 = dequantize<f32> x0 0.02:f32 128:u8}
    wd = pointwise(w) program={(i8) y0 = dequantize<f32> x0 0.01:f32 0:i8}
    c = conv(a, wd) pads=[1,1,1,1]
    q = pointwise(c) program={(f32) r = max x0 0:f32; y0 = quantize<u8> r 0.05:f32 10:u8}
    qd = pointwise(q) program={(u8) y0 = dequantize<f32> x0 0.05:f32 10:u8}
    vd = pointwise(v) program={(i8) y0 = dequantize<f32> x0 0.01:f32 0:i8}
    d = conv(qd, vd) group=8 pads=[1,1,1,1]
    e = pointwise(d) program={(f32) y0 = quantize<u8> x0 0.5:f32 120:u8}
    ed = pointwise(e) program={(u8) y0 = dequantize<f32> x0 0.5:f32 120:u8}
    ud = pointwise(u) program={(i8) y0 = dequantize<f32> x0 0.01:f32 0:i8}
    f = conv(ed, ud)
    g = pointwise(f) program={(f32) y0 = quantize<u8> x0 1:f32 128:u8}
    s = pointwise(g, q) program={(u8, u8) a = dequantize<f32> x0 1:f32 128:u8; b = dequantize<f32> x1 0.05:f32 10:u8; t = add a b; y0 = quantize<i8> t 1.5:f32 -3:i8}
    p = pointwise(s) program={(i8) y0 = dequantize<f32> x0 1.5:f32 -3:i8}
    m = pool(p) axes=[2,3] kernel=[2,2] strides=[2,2]
    y = pointwise(m) program={(f32) y0 = quantize<i8> x0 1.5:f32 -3:i8}
  })";
  // Steps that differ by one unit lead to others.
  expect_integers(text, {random_bytes<std::uint8_t>({1, 3, 8, 8}, 5)}, 5 + 1, 2);
}

TEST(CompileIntegers, ScalesOfEachChannelBetweenProducts) {
  const std::string text = "graph main(x: u8[1,4,6,6]) -> (y) {\n w: i8[3,4,1,1] = constant {" +
                           numbers<std::int8_t>(12, 1) + "}\n v: i8[3,1,3,3] = constant {" +
                           numbers<std::int8_t>(27, 2) + R"(}
    s: f32[3,1,1] = constant {0.02, 0.01, 0.0234}
    z: u8[3,1,1] = constant {0, 0, 0}
    a = pointwise(x) program={(u8) y0 = dequantize<f32> x0 0.02:f32 128:u8}
    wd = pointwise(w) program={(i8) y0 = dequantize<f32> x0 0.01:f32 0:i8}
    c = conv(a, wd)
    b = pointwise(c) program={(f32) r = max x0 0:f32; y0 = min r 6:f32}
    q = pointwise(b, s, z) program={(f32, f32, u8) y0 = quantize<u8> x0 x1 x2}
    qd = pointwise(q, s, z) program={(u8, f32, u8) y0 = dequantize<f32> x0 x1 x2}
    vd = pointwise(v) program={(i8) y0 = dequantize<f32> x0 0.01:f32 0:i8}
    d = conv(qd, vd) group=3 pads=[1,1,1,1]
    y = pointwise(d) program={(f32) y0 = quantize<i8> x0 0.1:f32 3:i8}
  })";
  expect_integers(text, {random_bytes<std::uint8_t>({1, 4, 6, 6}, 5)}, 2 + 2, 1);
}

// A product with weights of few bits is one step, and near the reference.
void expect_block_product(const std::string& weights, bool trans) {
  const std::string text = "graph g(x: f32[m,16]) -> (y) {\n" + weights +
                           "  y: f32[m,3] = matmul(x, w)" + (trans ? " trans_b=true" : "") +
                           "\n}\n";
  Result<Graph> graph = parse_graph(text, find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  Result<runtime::Program> compiled = compile(*graph);
  ASSERT_TRUE(compiled.ok()) << compiled.status().message();
  ASSERT_EQ(compiled->steps.size(), 1U) << weights;
  EXPECT_EQ(compiled->steps[0].operation->name, "kernel.block_product");
  Tensor x = Tensor::make(DType::f32, Shape{2, 16}).value();
  std::mt19937 random(3);
  for (float& v : x.mutable_values<float>())
    v = static_cast<float>(static_cast<int>(random() % 200)) / 100 - 1;
  const std::vector<Value> inputs = {Value(std::move(x))};
  const auto expected = evaluate(*graph, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  auto session = runtime::Session::open(
      std::make_shared<const runtime::Program>(std::move(compiled).value()), {});
  ASSERT_TRUE(session.ok()) << session.status().message();
  const auto actual = (*session)->run(inputs);
  ASSERT_TRUE(actual.ok()) << actual.status().message();
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_NEAR((*actual)[0].tensor.values<float>()[i], (*expected)[0].tensor.values<float>()[i],
                1e-4)
        << i;
}

TEST(CompileIntegers, WeightsOfFewBitsAreReadInPlace) {
  const std::string scales =
      "  s: f32[2,3] = constant {0.5, 1, 2, 0.25, 3, 1}\n"
      "  t: f32[16,3] = copy(s) steps={repeat 0 8 each}\n";
  std::string q, n;
  for (int i = 0; i < 48; ++i) {
    q += (i == 0 ? "" : ", ") + std::to_string(i * 7 % 16);
    n += (i == 0 ? "" : ", ") + std::to_string(i * 37 % 256 - 128);
  }
  expect_block_product("  q: u4[16,3] = constant {" + q + "}\n" + scales +
                           "  w: f32[16,3] = pointwise(q, t) program={(u4, f32) y0 = "
                           "dequantize<f32> x0 x1 8:u4}\n",
                       false);
  expect_block_product("  q: u4[16,3] = constant {" + q + "}\n" + scales +
                           "  z: u4[2,3] = constant {1, 2, 15, 4, 5, 6}\n"
                           "  r: u4[16,3] = copy(z) steps={repeat 0 8 each}\n"
                           "  w: f32[16,3] = pointwise(q, t, r) program={(u4, f32, u4) y0 = "
                           "dequantize<f32> x0 x1 x2}\n",
                       false);
  expect_block_product("  q: i8[3,16] = constant {" + n +
                           "}\n"
                           "  s: f32[3,1] = constant {0.5, 1, 2}\n"
                           "  w: f32[3,16] = pointwise(q, s) program={(i8, f32) y0 = "
                           "dequantize<f32> x0 x1 3:i8}\n",
                       true);
}

}  // namespace
}  // namespace gossamer::compile
