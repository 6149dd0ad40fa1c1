// Tests MatMul, Conv and ConvTranspose: small cases by hand, long sums, narrow types, shapes over
// symbols, and operands that do not fit.
#include <cmath>

#include "base/float_bits.h"
#include "primitives/builder.h"
#include "primitives/test_node.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/matmul.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::Operands;
using testing::run_node;
using testing::tensor;

Tensor matmul(const MatMulAttributes& a, const Operands& operands) {
  auto r = run_node(kMatMul, a, operands);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? (*r)[0] : Tensor();
}

Tensor conv(const ConvAttributes& a, const Operands& operands) {
  auto r = run_node(kConv, a, operands);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? (*r)[0] : Tensor();
}

std::vector<float> ramp(std::int64_t count, float step = 1) {
  std::vector<float> v;
  for (std::int64_t i = 0; i < count; ++i) v.push_back(static_cast<float>(i) * step);
  return v;
}

template <class T>
std::vector<T> values(const Tensor& t) {
  auto v = t.values<T>();
  return {v.begin(), v.end()};
}

TEST(MatMul, MatricesVectorsAndTransposes) {
  const Tensor a = floats({2, 3}, ramp(6)), b = floats({3, 2}, ramp(6));
  expect_floats(matmul({}, {a, b}), {2, 2}, {10, 13, 28, 40});
  expect_floats(matmul({}, {floats({3}, ramp(3)), b}), {2}, {10, 13});
  expect_floats(matmul({}, {a, floats({3}, ramp(3))}), {2}, {5, 14});
  expect_floats(matmul({}, {floats({3}, ramp(3)), floats({3}, ramp(3))}), {}, {5});
  MatMulAttributes both;
  both.trans_a = both.trans_b = true;
  expect_floats(
      matmul(both, {floats({3, 2}, {0, 3, 1, 4, 2, 5}), floats({2, 3}, {0, 2, 4, 1, 3, 5})}),
      {2, 2}, {10, 13, 28, 40});
}

TEST(MatMul, BroadcastsBatches) {
  const Tensor a = floats({2, 1, 1, 2}, {1, 2, 3, 4}), b = floats({3, 2, 1}, {1, 0, 0, 1, 1, 1});
  expect_floats(matmul({}, {a, b}), {2, 3, 1, 1}, {1, 2, 3, 3, 4, 7});
}

TEST(MatMul, EmptySumsAndResults) {
  expect_floats(matmul({}, {floats({2, 0}, {}), floats({0, 1}, {})}), {2, 1}, {0, 0});
  expect_floats(matmul({}, {floats({0, 3}, {}), floats({3, 2}, ramp(6))}), {0, 2}, {});
}

TEST(MatMul, LongSumsAreAddedInPairs) {
  // One big number and many small ones: a running sum would lose all of them.
  const std::int64_t n = 1 << 15;
  std::vector<float> x(static_cast<std::size_t>(n), 1);
  x[0] = 0x1p25F;
  const Tensor y = matmul(
      {}, {tensor<float>({1, n}, x), tensor<float>({n, 1}, std::vector<float>(x.size(), 1))});
  EXPECT_NEAR(y.values<float>()[0], 0x1p25 + static_cast<double>(n) - 1, 256);
}

TEST(MatMul, NarrowFloatsRoundOnce) {
  const auto half = [](float v) { return round_to<F16>(v); };
  const Tensor a = tensor<F16>({1, 2}, {half(2048), half(1)});
  const Tensor b = tensor<F16>({2, 1}, {half(1), half(1)});
  EXPECT_EQ(to_float(matmul({}, {a, b}).values<F16>()[0]), 2048);
  MatMulAttributes wide;
  wide.wide = true;
  expect_floats(matmul(wide, {a, b}), {1, 1}, {2049});
}

TEST(MatMul, IntegersWrapAndZeroPointsAreSubtracted) {
  const Tensor a = tensor<std::uint8_t>({2, 2}, {0, 255, 3, 4});
  const Tensor b = tensor<std::int8_t>({2, 1}, {-128, 127});
  EXPECT_EQ(values<std::int32_t>(matmul({}, {a, b})), (std::vector<std::int32_t>{32385, 124}));
  const Tensor a_zero = tensor<std::uint8_t>({2, 1}, {1, 2});
  const Tensor b_zero = tensor<std::int8_t>({}, {1});
  EXPECT_EQ(values<std::int32_t>(matmul({}, {a, b, a_zero, b_zero})),
            (std::vector<std::int32_t>{129 + 254 * 126, -129 + 2 * 126}));
  const Tensor big = tensor<std::int32_t>({1, 1}, {1 << 30});
  EXPECT_EQ(values<std::int32_t>(matmul({}, {big, tensor<std::int32_t>({1, 1}, {4})})),
            std::vector<std::int32_t>{0});
}

TEST(MatMul, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(
      run_node(kMatMul, MatMulAttributes{}, {floats({2, 3}, ramp(6)), floats({2, 2}, ramp(4))})
          .ok());
  EXPECT_FALSE(run_node(kMatMul, MatMulAttributes{}, {floats({}, {1}), floats({1}, {1})}).ok());
  EXPECT_FALSE(
      run_node(kMatMul, MatMulAttributes{}, {floats({1, 1}, {1}), tensor<double>({1, 1}, {1})})
          .ok());
  // The result would not fit any memory; nothing is multiplied.
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(run_node(kMatMul, MatMulAttributes{}, {floats({huge, 0}, {}), floats({0, huge}, {})})
                .status()
                .code(),
            Code::limit);
}

TEST(Conv, PadsStridesAndDilations) {
  const Tensor x = floats({1, 1, 3, 3}, ramp(9)), w = floats({1, 1, 2, 2}, {1, 1, 1, 1});
  expect_floats(conv({}, {x, w}), {1, 1, 2, 2}, {8, 12, 20, 24});
  ConvAttributes a;
  a.pads = {1, 1, 0, 0};
  a.strides = {2, 2};
  expect_floats(conv(a, {x, w}), {1, 1, 2, 2}, {0, 3, 9, 24});
  ConvAttributes dilated;
  dilated.dilations = {2, 2};
  expect_floats(conv(dilated, {x, w}), {1, 1, 1, 1}, {0 + 2 + 6 + 8});
  ConvAttributes crop;
  crop.pads = {-1, -1, 0, 0};
  expect_floats(conv(crop, {x, w}), {1, 1, 1, 1}, {24});
}

TEST(Conv, SamePaddingPutsTheOddOneLastOrFirst) {
  const Tensor x = floats({1, 1, 3}, {1, 2, 3}), w = floats({1, 1, 2}, {10, 1});
  ConvAttributes a;
  a.auto_pad = AutoPad::same_upper;
  expect_floats(conv(a, {x, w}), {1, 1, 3}, {12, 23, 30});
  a.auto_pad = AutoPad::same_lower;
  expect_floats(conv(a, {x, w}), {1, 1, 3}, {1, 12, 23});
}

TEST(Conv, GroupsAndManyColumns) {
  const Tensor x = floats({1, 2, 40}, ramp(80)), w = floats({4, 1, 1}, {1, 2, 3, 4});
  ConvAttributes a;
  a.group = 2;
  std::vector<double> want;
  for (int o = 0; o < 4; ++o)
    for (int i = 0; i < 40; ++i) want.push_back((o + 1) * (i + (o < 2 ? 0 : 40)));
  expect_floats(conv(a, {x, w}), {1, 4, 40}, want);
}

TEST(Conv, PaddingIsTheZeroPoint) {
  const Tensor x = tensor<std::uint8_t>({1, 1, 2}, {5, 7});
  const Tensor w = tensor<std::int8_t>({1, 1, 3}, {1, 1, 1});
  ConvAttributes a;
  a.pads = {1, 1};
  EXPECT_EQ(values<std::int32_t>(conv(a, {x, w, tensor<std::uint8_t>({}, {5})})),
            (std::vector<std::int32_t>{2, 2}));
  const Tensor w_zero = tensor<std::int8_t>({1}, {1});
  EXPECT_EQ(values<std::int32_t>(conv(a, {x, w, std::nullopt, w_zero})),
            (std::vector<std::int32_t>{0, 0}));
}

TEST(Conv, EmptyBatchesAndChannels) {
  expect_floats(conv({}, {floats({0, 1, 3}, {}), floats({1, 1, 2}, {1, 1})}), {0, 1, 2}, {});
  expect_floats(conv({}, {floats({1, 0, 2}, {}), floats({1, 0, 1}, {})}), {1, 1, 2}, {0, 0});
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const Tensor x = floats({1, 2, 3}, ramp(6));
  EXPECT_FALSE(run_node(kConv, ConvAttributes{}, {x, floats({1, 1, 1}, {1})}).ok());
  EXPECT_FALSE(run_node(kConv, ConvAttributes{}, {x, floats({1, 2, 5}, ramp(10))}).ok());
  ConvAttributes a;
  a.strides = {0};
  EXPECT_FALSE(run_node(kConv, a, {x, floats({1, 2, 1}, ramp(2))}).ok());
  a.strides = {1, 1};
  EXPECT_FALSE(run_node(kConv, a, {x, floats({1, 2, 1}, ramp(2))}).ok());
}

TEST(Conv, ShapesOverSymbols) {
  Graph g;
  Builder b(g, std::make_shared<Builder::Symbols>());
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h");
  const ValueId x = b.input("x", Type::tensor(DType::f32, DimVector{n, 3, h, 224}));
  const ValueId w = b.constant(*Tensor::make(DType::f32, Shape{64, 3, 7, 7}));
  ConvAttributes a;
  a.strides = {2, 2};
  a.pads = {3, 3, 3, 3};
  const auto y = b.one(kConv, a, {x, w});
  ASSERT_TRUE(y.ok()) << y.status().message();
  const auto h_out = b.type(*y).dim(2).evaluate([](std::string_view) { return 225; });
  EXPECT_EQ(h_out, 113);
  EXPECT_EQ(b.type(*y).dim(0), n);
  EXPECT_EQ(b.type(*y).dim(3), Dim(112));
  a.auto_pad = AutoPad::same_upper;
  const auto same = b.one(kConv, a, {x, w});
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(b.type(*same).dim(2), ceil_div(h, 2));
}

TEST(ConvTranspose, SpreadsAndAdds) {
  const Tensor x = floats({1, 1, 3}, {1, 2, 3}), w = floats({1, 2, 2}, {1, 10, 0, -1});
  const auto y = run_node(kConvTranspose, ConvTransposeAttributes{}, {x, w});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {1, 2, 4}, {1, 12, 23, 30, 0, -1, -2, -3});
  ConvTransposeAttributes a;
  a.strides = {2};
  a.output_padding = {1};
  a.pads = {1, 0};
  const auto z = run_node(kConvTranspose, a, {x, w});
  ASSERT_TRUE(z.ok());
  expect_floats((*z)[0], {1, 2, 6}, {10, 2, 20, 3, 30, 0, -1, 0, -2, 0, -3, 0});
}

TEST(ConvTranspose, IsTheAdjointOfConv) {
  // <conv(x), y> == <x, conv_transpose(y)>
  ConvAttributes a;
  a.strides = {2, 1};
  a.dilations = {1, 2};
  a.pads = {1, 0, 0, 2};
  a.group = 2;
  const Tensor x = floats({1, 4, 6, 5}, ramp(120, 0.25F)), w = floats({6, 2, 3, 2}, ramp(72, 0.5F));
  const Tensor fx = conv(a, {x, w});
  std::vector<float> probe;
  for (std::int64_t i = 0; i < fx.count(); ++i) probe.push_back(static_cast<float>(i % 7 - 3));
  const Tensor y = tensor<float>(fx.shape(), probe);
  ConvTransposeAttributes t;
  t.strides = a.strides;
  t.dilations = a.dilations;
  t.pads = a.pads;
  t.group = 2;
  const auto back = run_node(kConvTranspose, t, {y, w});
  ASSERT_TRUE(back.ok()) << back.status().message();
  ASSERT_EQ((*back)[0].shape(), x.shape());
  double left = 0, right = 0;
  for (std::size_t i = 0; i < probe.size(); ++i) left += double{fx.values<float>()[i]} * probe[i];
  for (std::size_t i = 0; i < 120; ++i)
    right += double{x.values<float>()[i]} * (*back)[0].values<float>()[i];
  EXPECT_NEAR(left, right, std::abs(left) * 1e-5 + 1e-3);
}

}  // namespace
}  // namespace gossamer
