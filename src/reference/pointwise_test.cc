// Instructions, broadcasting, text and typing of Pointwise programs, by hand.
#include "reference/pointwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace gossamer {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class TestContext : public Context {
 public:
  TestContext(const std::vector<Tensor>& operands, std::size_t results)
      : values_(operands.begin(), operands.end()) {
    for (const Value& v : values_) operands_.push_back(&v);
    results_.resize(results);
    wanted_.assign(results, true);
  }
  Result<Tensor*> make(std::size_t i, DType dtype, Shape shape) override {
    ASSIGN(Tensor t, Tensor::make_uninitialized(dtype, std::move(shape)));
    results_[i] = Value(std::move(t));
    return &results_[i].tensor;
  }
  Result<std::vector<Value>> run_body(std::size_t, std::vector<Value>) override {
    return internal_error("no bodies");
  }
  Status poll() override { return {}; }
  std::uint64_t seed() const override { return 0; }
  std::uint64_t node_number() const override { return 0; }

 private:
  std::vector<Value> values_;
};

Result<std::vector<Tensor>> run(const std::string& text, const std::vector<Tensor>& operands,
                                bool has_extent = false) {
  ASSIGN(PointwiseProgram program, parse_pointwise(text));
  TestContext c(operands, program.results.size());
  PointwiseAttributes a{std::move(program), has_extent};
  TRY(reference::pointwise(a, c));
  std::vector<Tensor> out;
  for (std::size_t i = 0; i < c.result_count(); ++i) out.push_back(c.result(i).tensor);
  return out;
}

template <class T>
std::vector<T> values(const Tensor& t) {
  return {t.values<T>().begin(), t.values<T>().end()};
}

// One instruction on two numbers of `dtype`.
double calc(const char* op, DType dtype, double a, double b) {
  ExpressionBuilder e;
  const std::string d(dtype_name(dtype));
  const std::string text = "(" + d + ", " + d + ") a = " + op + " x0 x1; y0 = cast<f64> a";
  auto scalar = [&](double v) {
    Tensor t = Tensor::make(dtype, Shape{}).value();
    const Scalar s = make_scalar(dtype, v);
    std::memcpy(t.mutable_data(), &s.bits, dtype_size(dtype));
    return t;
  };
  auto r = run(text, {scalar(a), scalar(b)});
  EXPECT_TRUE(r.ok()) << (r.ok() ? "" : r.status().message());
  return r.ok() ? (*r)[0].values<double>()[0] : kNaN;
}

TEST(Pointwise, IntegersWrapAndNeverTrap) {
  EXPECT_EQ(calc("div", DType::i32, -3, 2), -1);
  EXPECT_EQ(calc("div", DType::i32, 7, 0), 0);
  EXPECT_EQ(calc("div", DType::i8, -128, -1), -128);
  EXPECT_EQ(calc("mod", DType::i16, -7, 3), 2);
  EXPECT_EQ(calc("mod", DType::i16, 7, -3), -2);
  EXPECT_EQ(calc("rem", DType::i16, -7, 3), -1);
  EXPECT_EQ(calc("mod", DType::i64, 5, 0), 0);
  EXPECT_EQ(calc("add", DType::u8, 250, 10), 4);
  EXPECT_EQ(calc("mul", DType::u16, 65535, 65535), 1);
  EXPECT_EQ(calc("pow", DType::i32, -2, 31), -2147483648.0);
  EXPECT_EQ(calc("pow", DType::i32, 2, -1), 0);
  EXPECT_EQ(calc("pow", DType::i32, -1, -3), -1);
  EXPECT_EQ(calc("shl", DType::i8, 65, 1), -126);
  EXPECT_EQ(calc("shl", DType::u8, 1, 8), 0);
  EXPECT_EQ(calc("shr", DType::i8, -128, 7), -1);
  EXPECT_EQ(calc("shr", DType::i8, -128, 100), -1);
  EXPECT_EQ(calc("shr", DType::i8, 64, -1), 0);
}

TEST(Pointwise, FloatsKeepNaNAndSignedZero) {
  EXPECT_TRUE(std::isnan(calc("max", DType::f32, kNaN, 1)));
  EXPECT_TRUE(std::isnan(calc("min", DType::f32, 1, kNaN)));
  EXPECT_TRUE(std::signbit(calc("mod", DType::f32, 0, -2)));
  EXPECT_EQ(calc("mod", DType::f32, 3, kInf), 3);
  EXPECT_EQ(calc("mod", DType::f64, -3, kInf), kInf);
  EXPECT_TRUE(std::isnan(calc("mod", DType::f16, 3, 0)));
  EXPECT_EQ(calc("add", DType::f16, 2048, 1), 2048);  // rounds to even
  EXPECT_EQ(calc("eq", DType::f32, kNaN, kNaN), 0);
  auto r = run("(f32) y0 = sign x0; y1 = rint x0",
               {Tensor::vector<float>({-0.0F, -2.5F, 0.5F, static_cast<float>(kNaN)})});
  ASSERT_TRUE(r.ok());
  EXPECT_FALSE(std::signbit((*r)[0].values<float>()[0]));
  EXPECT_EQ((*r)[0].values<float>()[1], -1);
  EXPECT_TRUE(std::isnan((*r)[0].values<float>()[3]));
  EXPECT_EQ((*r)[1].values<float>()[1], -2);
  EXPECT_TRUE(std::signbit((*r)[1].values<float>()[0]));
}

TEST(Pointwise, Casts) {
  auto r = run("(f32) y0 = cast<i4> x0; y1 = cast<u8> x0; y2 = cast<boolean> x0; y3 = cast<u64> x0",
               {Tensor::vector<float>({9.7F, -1, static_cast<float>(kNaN), 1e19F})});
  ASSERT_TRUE(r.ok()) << r.status().message();
  EXPECT_EQ((*r)[0].values<I4>()[0].value, -7);
  EXPECT_EQ((*r)[1].values<std::uint8_t>()[1], 255);
  EXPECT_TRUE((*r)[2].values<bool>()[2]);
  EXPECT_EQ((*r)[3].values<std::uint64_t>()[3], 9999999980506447872U);
  EXPECT_EQ(make_scalar(DType::f8e4m3fn, 1e9).bits, 0x7EU);
  EXPECT_EQ(make_scalar(DType::f8e8m0, 1.1).bits, 128U);
  EXPECT_EQ(make_scalar(DType::f16, 1.0 + 1.0 / 2048 + 1e-12).bits,
            0x3C01U);  // once, not by way of f32
  EXPECT_EQ(make_scalar(DType::u4, std::int64_t{-1}).bits, 15U);
}

TEST(Pointwise, QuantizeAddsTheZeroPointAfterRounding) {
  auto r = run("(f32, f32, u8) y0 = quantize<u8> x0 x1 x2; y1 = dequantize<f32> y0 x1 x2",
               {Tensor::vector<float>({1, 5, 1000, -1000}), Tensor::scalar(2.0F),
                Tensor::scalar<std::uint8_t>(1)});
  ASSERT_TRUE(r.ok()) << r.status().message();
  EXPECT_EQ(values<std::uint8_t>((*r)[0]), (std::vector<std::uint8_t>{1, 3, 255, 0}));
  EXPECT_EQ(values<float>((*r)[1]), (std::vector<float>{0, 4, 508, -2}));
}

TEST(Pointwise, BroadcastsOverManyTiles) {
  std::vector<float> a(3 * 1 * 1000);
  std::iota(a.begin(), a.end(), 0.0F);
  auto r = run("(f32, f32, f32) a = mul x0 x1; y0 = add a x2",
               {Tensor::of<float>(Shape{3, 1, 1000}, a),
                Tensor::of<float>(Shape{2, 1}, std::vector<float>{1, 10}), Tensor::scalar(0.5F)});
  ASSERT_TRUE(r.ok());
  ASSERT_EQ((*r)[0].shape(), (Shape{3, 2, 1000}));
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 2; ++j)
      for (int k = 0; k < 1000; ++k)
        ASSERT_EQ((*r)[0].values<float>()[static_cast<std::size_t>((i * 2 + j) * 1000 + k)],
                  static_cast<float>(i * 1000 + k) * (j == 0 ? 1.0F : 10.0F) + 0.5F);
}

TEST(Pointwise, IndexAndExtent) {
  auto r = run("() a = index<0>; b = index<1>; c = extent<1>; d = mul a c; y0 = add d b; y1 = 7:i8",
               {Tensor::vector<std::int64_t>({40, 50})}, true);
  ASSERT_TRUE(r.ok()) << r.status().message();
  for (std::size_t i = 0; i < 2000; ++i)
    ASSERT_EQ((*r)[0].values<std::int64_t>()[i], static_cast<std::int64_t>(i));
  EXPECT_EQ((*r)[1].values<std::int8_t>()[1999], 7);
  EXPECT_FALSE(run("() y0 = index<2>", {Tensor::vector<std::int64_t>({4})}, true).ok());
  EXPECT_FALSE(run("() y0 = index<0>", {Tensor::vector<std::int64_t>({-4})}, true).ok());
}

TEST(Pointwise, EmptyAndScalar) {
  auto r =
      run("(f32, f32) y0 = add x0 x1", {Tensor::of<float>(Shape{0, 3}, {}), Tensor::scalar(1.0F)});
  ASSERT_TRUE(r.ok());
  EXPECT_EQ((*r)[0].shape(), (Shape{0, 3}));
  r = run("(c64, boolean, c64) y0 = select x1 x0 x2",
          {Tensor::scalar(C64(1, 2)), Tensor::scalar(false), Tensor::scalar(C64(3, 4))});
  ASSERT_TRUE(r.ok());
  EXPECT_EQ((*r)[0].values<C64>()[0], C64(3, 4));
}

TEST(PointwiseText, RoundTrips) {
  for (const char* text : {
           "(f32, i64) a = add x0 0.1:f32; b = cast<i64> a; y0 = mul b x1; y1 = x1; y2 = y0",
           "(f16) y0 = cast<f8e8m0,wrap,down> x0",
           "(f32, f16, u4) y0 = quantize<u4,f16> x0 x1 x2",
           "() a = index<0>; b = extent<1>; y0 = lt a b; y1 = nan:f32; y2 = -inf:f16; y3 = "
           "#7fc00001:f32",
           "(boolean) y0 = and x0 1:boolean; y1 = isnan 1e+100:f64",
       }) {
    auto p = parse_pointwise(text);
    ASSERT_TRUE(p.ok()) << p.status().message();
    EXPECT_EQ(to_text(*p), text);
    EXPECT_EQ(*parse_pointwise(to_text(*p)), *p);
  }
}

TEST(PointwiseText, RefusesNonsense) {
  for (const char* text :
       {"", "(", "(f32)", "(f32) y0 = add x0", "(f32) y0 = add x0 x1", "(f32, i64) y0 = add x0 x1",
        "(f32) y1 = x0", "(f32) y0 = frob x0", "(f32) y0 = add x0 1:i64", "(str) y0 = x0",
        "(string) y0 = x0", "(f32) y0 = x0 x0", "(i4) y0 = add x0 x0", "(f32) y0 = cast<c64> x0",
        "(f32) y0 = x99999999999", "() y0 = index<99>", "() y0 = 1:string", "(f32) y0 = add y0 x0"})
    EXPECT_FALSE(parse_pointwise(text).ok()) << text;
}

TEST(ExpressionBuilder, SharesAndDropsTheUnread) {
  ExpressionBuilder e;
  const Ref x = e.input(DType::f32);
  e.exp(x);
  e.constant(DType::f32, 3);
  const Ref y = e.add(e.mul(x, e.like(x, 2)), e.mul(x, e.like(x, 2)));
  EXPECT_EQ(to_text(e.finish(y)), "(f32) a = mul x0 2:f32; y0 = add a a");
}

}  // namespace
}  // namespace gossamer
