// Normalize: axes, groups and accumulators, by hand.
#include "reference/normalize.h"

#include <cmath>

#include "base/float_bits.h"
#include "primitives/builder.h"
#include "primitives/test_node.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::Operands;
using testing::tensor;

NormalizeAttributes over(std::vector<int> axes) {
  NormalizeAttributes a;
  a.axes = std::move(axes);
  a.epsilon = 0;
  return a;
}

std::vector<Tensor> normalized(const NormalizeAttributes& a, const Operands& operands) {
  const auto r = testing::run_node(kNormalize, a, operands, 3);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? *r : std::vector<Tensor>(3);
}

TEST(Normalize, RowsAndTheirStatistics) {
  const auto r = normalized(over({1}), {floats({2, 2}, {1, 3, 10, 2})});
  expect_floats(r[0], {2, 2}, {-1, 1, 1, -1});
  expect_floats(r[1], {2, 1}, {2, 6});
  expect_floats(r[2], {2, 1}, {1, 0.25});
}

TEST(Normalize, AnyAxes) {
  const auto r = normalized(over({0}), {floats({2, 2}, {1, 10, 3, 2})});
  expect_floats(r[0], {2, 2}, {-1, 1, 1, -1});
  expect_floats(r[1], {1, 2}, {2, 6});
  const auto all = normalized(over({0, 1}), {floats({2, 2}, {1, 1, 3, 3})});
  expect_floats(all[0], {2, 2}, {-1, -1, 1, 1});
}

TEST(Normalize, Groups) {
  NormalizeAttributes a = over({});
  a.groups = 2;
  const auto r = normalized(a, {floats({1, 4, 1}, {1, 3, 10, 2})});
  expect_floats(r[0], {1, 4, 1}, {-1, 1, 1, -1});
  expect_floats(r[1], {1, 2, 1}, {2, 6});
  a.groups = 3;
  EXPECT_FALSE(testing::run_node(kNormalize, a, {floats({1, 4}, {1, 2, 3, 4})}).ok());
}

TEST(Normalize, WithoutCentering) {
  NormalizeAttributes a = over({0});
  a.center = false;
  const auto r = normalized(a, {floats({2}, {3, 4})});
  expect_floats(r[0], {2}, {3 / std::sqrt(12.5), 4 / std::sqrt(12.5)});
  expect_floats(r[1], {1}, {0});
}

TEST(Normalize, ScaleAndBiasBroadcast) {
  const Tensor x = floats({2, 2}, {1, 3, 10, 2});
  const auto r = normalized(over({1}), {x, floats({2}, {2, 3}), floats({2, 1}, {10, 20})});
  expect_floats(r[0], {2, 2}, {8, 13, 22, 17});
  const auto biased = normalized(over({1}), {x, std::nullopt, floats({}, {1})});
  expect_floats(biased[0], {2, 2}, {0, 2, 2, 0});
}

TEST(Normalize, RoundsTwice) {
  const auto half = [](float v) { return round_to<F16>(v); };
  const Tensor x = tensor<F16>({3}, {half(1), half(2), half(4)});
  const auto r = normalized(over({0}), {x, tensor<F16>({1}, {half(3)})});
  const float first = to_float(half(static_cast<float>((4 - 7.0 / 3) / std::sqrt(14.0 / 9))));
  EXPECT_EQ(to_float(r[0].values<F16>()[2]), to_float(half(first * 3)));
}

TEST(Normalize, NothingToDo) {
  expect_floats(normalized(over({1}), {floats({0, 2}, {})})[0], {0, 2}, {});
  const auto r = normalized(over({1}), {floats({2, 0}, {})});
  expect_floats(r[0], {2, 0}, {});
  EXPECT_EQ(r[1].shape(), (Shape{2, 1}));
}

TEST(Normalize, OperandsThatDoNotFitAreRefused) {
  const Tensor x = floats({2, 2}, {1, 2, 3, 4});
  EXPECT_FALSE(testing::run_node(kNormalize, over({1}), {x, floats({3}, {1, 2, 3})}).ok());
  EXPECT_FALSE(testing::run_node(kNormalize, over({1}), {x, floats({1, 1, 2}, {1, 2})}).ok());
  EXPECT_FALSE(testing::run_node(kNormalize, over({2}), {x}).ok());
  EXPECT_FALSE(testing::run_node(kNormalize, over({1}), {x, tensor<double>({2}, {1, 2})}).ok());
}

TEST(Normalize, TypesOfStatistics) {
  Graph graph;
  Builder b(graph, std::make_shared<Builder::Symbols>());
  const ValueId x =
      b.input("x", Type::tensor(DType::f16, DimVector{Dim::symbol("n"), Dim(4), Dim(8)}));
  const auto r = b.add(kNormalize, over({1, 2}), {x}, 3);
  ASSERT_TRUE(r.ok()) << r.status().message();
  EXPECT_EQ(b.type((*r)[0]).to_string(), "f16[n,4,8]");
  EXPECT_EQ(b.type((*r)[1]).to_string(), "f32[n,1,1]");
}

}  // namespace
}  // namespace gossamer
