// Tests Pool and Fold: padding, ceilings, indices, NaN, narrow types, empty tensors.
#include <limits>

#include "base/float_bits.h"
#include "primitives/test_node.h"
#include "reference/fold.h"
#include "reference/pool.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::run_node;
using testing::tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

PoolAttributes pool_of(PoolOp op, std::vector<int> axes, std::vector<std::int64_t> kernel) {
  PoolAttributes a;
  a.op = op;
  a.axes = std::move(axes);
  a.kernel = std::move(kernel);
  return a;
}

std::vector<Tensor> pool(const PoolAttributes& a, const Tensor& x, std::size_t results = 1) {
  auto r = run_node(kPool, a, {x}, results);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? *r : std::vector<Tensor>(results);
}

std::vector<std::int64_t> indices(const Tensor& t) {
  auto v = t.values<std::int64_t>();
  return {v.begin(), v.end()};
}

TEST(Pool, MaximaWithIndices) {
  const Tensor x = floats({1, 2, 2, 3}, {1, 5, 5, 2, 0, 4, -1, -2, -3, -4, -5, -6});
  PoolAttributes a = pool_of(PoolOp::max, {2, 3}, {2, 2});
  auto y = pool(a, x, 2);
  expect_floats(y[0], {1, 2, 1, 2}, {5, 5, -1, -2});
  EXPECT_EQ(indices(y[1]), (std::vector<std::int64_t>{1, 1, 6, 7}));
  a.column_major = true;
  y = pool(a, x, 2);
  EXPECT_EQ(indices(y[1]), (std::vector<std::int64_t>{2, 2, 6, 8}));
}

TEST(Pool, PaddingNeverWins) {
  PoolAttributes a = pool_of(PoolOp::max, {0}, {2});
  a.pads = {1, 1};
  expect_floats(pool(a, floats({2}, {-3, -4}))[0], {3}, {-3, -3, -4});
  const auto bytes = pool(a, tensor<std::int8_t>({2}, {-128, -128}), 2);
  EXPECT_EQ(bytes[0].values<std::int8_t>()[2], -128);
  EXPECT_EQ(indices(bytes[1]), (std::vector<std::int64_t>{0, 0, 1}));
}

TEST(Pool, NanWinsOnce) {
  const PoolAttributes a = pool_of(PoolOp::max, {0}, {3});
  const auto y = pool(a, floats({3}, {kInfinity, kNan, 1}), 2);
  expect_floats(y[0], {1}, {kNan});
  EXPECT_EQ(indices(y[1]), std::vector<std::int64_t>{1});
}

TEST(Pool, MeansCountThePaddingIfAsked) {
  PoolAttributes a = pool_of(PoolOp::mean, {0}, {3});
  a.pads = {1, 0};
  const Tensor x = floats({3}, {3, 6, 9});
  expect_floats(pool(a, x)[0], {2}, {4.5, 6});
  a.count_pad = true;
  expect_floats(pool(a, x)[0], {2}, {3, 6});
}

TEST(Pool, CeilingsOverhangWithoutCounting) {
  PoolAttributes a = pool_of(PoolOp::mean, {0}, {2});
  a.strides = {2};
  a.ceil = true;
  a.count_pad = true;
  expect_floats(pool(a, floats({3}, {2, 4, 6}))[0], {2}, {3, 6});
  // A window that would start in the padding after the input is dropped.
  a.pads = {1, 1};
  a.kernel = {1};
  expect_floats(pool(a, floats({2}, {2, 4}))[0], {2}, {0, 4});
}

TEST(Pool, NormsAndSumsAlongAnyAxis) {
  PoolAttributes lp = pool_of(PoolOp::lp, {0}, {2});
  expect_floats(pool(lp, floats({2}, {-3, 4}))[0], {1}, {5});
  lp.p = 1;
  expect_floats(pool(lp, floats({2}, {-3, 4}))[0], {1}, {7});
  lp.p = 3;
  expect_floats(pool(lp, floats({2}, {-1, 1}))[0], {1}, {1.25992105});
  PoolAttributes channels = pool_of(PoolOp::sum, {1}, {3});
  channels.pads = {1, 1};
  expect_floats(pool(channels, floats({1, 3, 2}, {1, 2, 3, 4, 5, 6}))[0], {1, 3, 2},
                {4, 6, 9, 12, 8, 10});
}

TEST(Pool, DilationSkips) {
  PoolAttributes a = pool_of(PoolOp::sum, {0}, {2});
  a.dilations = {2};
  expect_floats(pool(a, floats({4}, {1, 2, 4, 8}))[0], {2}, {5, 10});
}

TEST(Pool, NarrowFloatsRoundOnce) {
  const auto half = [](float v) { return round_to<F16>(v); };
  const Tensor x = tensor<F16>({4}, {half(2048), half(1), half(1), half(2)});
  const Tensor y = pool(pool_of(PoolOp::sum, {0}, {4}), x)[0];
  EXPECT_EQ(to_float(y.values<F16>()[0]), 2052);
}

TEST(Pool, ScalarsAndNothing) {
  expect_floats(pool(pool_of(PoolOp::max, {}, {}), floats({}, {3}))[0], {}, {3});
  expect_floats(pool(pool_of(PoolOp::max, {1}, {2}), floats({0, 2}, {}))[0], {0, 1}, {});
}

TEST(Pool, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(run_node(kPool, pool_of(PoolOp::max, {1}, {2}), {floats({2}, {1, 2})}).ok());
  EXPECT_FALSE(run_node(kPool, pool_of(PoolOp::max, {0}, {4}), {floats({2}, {1, 2})}).ok());
  EXPECT_FALSE(
      run_node(kPool, pool_of(PoolOp::mean, {0}, {1}), {tensor<std::int32_t>({1}, {1})}).ok());
}

TEST(Fold, AddsOverlaps) {
  FoldAttributes a;
  a.extents = {4};
  a.kernel = {2};
  // Windows (1,2), (3,4), (5,6) at 0, 1, 2.
  auto y = run_node(kFold, a, {floats({2, 3}, {1, 3, 5, 2, 4, 6})});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {4}, {1, 5, 9, 6});
  a.pads = {1, 1};
  a.extents.clear();
  y = run_node(kFold, a, {floats({2, 3}, {1, 3, 5, 2, 4, 6}), tensor<std::int64_t>({1}, {2})});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {2}, {5, 9});
}

TEST(Fold, RefusesWhatDoesNotFit) {
  FoldAttributes a;
  a.extents = {4};
  a.kernel = {2};
  EXPECT_FALSE(run_node(kFold, a, {floats({2, 2}, {1, 2, 3, 4})}).ok());
  EXPECT_FALSE(run_node(kFold, a, {floats({3}, {1, 2, 3})}).ok());
}

}  // namespace
}  // namespace gossamer
