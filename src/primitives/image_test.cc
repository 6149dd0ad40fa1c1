// Tests Resize, Sample, RoiPool and NonMaxSuppression.
#include <limits>

#include "primitives/builder.h"
#include "primitives/test_node.h"
#include "reference/non_max_suppression.h"
#include "reference/resize.h"
#include "reference/roi_pool.h"
#include "reference/sample.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::Operands;
using testing::run_node;
using testing::tensor;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor resize(const ResizeAttributes& a, const Operands& operands) {
  auto r = run_node(kResize, a, operands);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? (*r)[0] : Tensor();
}

ResizeAttributes along(int axis, ResizeMode mode) {
  ResizeAttributes a;
  a.axes = {axis};
  a.mode = mode;
  return a;
}

TEST(Resize, NearestRules) {
  ResizeAttributes a = along(0, ResizeMode::nearest);
  a.coordinate = ResizeCoordinate::asymmetric;
  const Tensor x = floats({2}, {1, 2}), twice = floats({1}, {2});
  expect_floats(resize(a, {x, twice}), {4}, {1, 1, 2, 2});  // 0, 0.5, 1, 1.5
  a.nearest = ResizeNearest::round_prefer_ceil;
  expect_floats(resize(a, {x, twice}), {4}, {1, 2, 2, 2});
  a.coordinate = ResizeCoordinate::tf_half_pixel_for_nn;
  a.nearest = ResizeNearest::floor;
  expect_floats(resize(a, {floats({4}, {1, 2, 3, 4}), floats({1}, {0.5F})}), {2}, {2, 4});
  const Tensor words = tensor<std::string>({2}, {"a", "b"});
  const Tensor y = resize(along(0, ResizeMode::nearest), {words, twice});
  EXPECT_EQ(y.values<std::string>()[3], "b");
}

TEST(Resize, LinearDoesNotReadWhatWeighsNothing) {
  ResizeAttributes a = along(0, ResizeMode::linear);
  a.coordinate = ResizeCoordinate::align_corners;
  const Tensor sizes = tensor<std::int64_t>({1}, {3});
  expect_floats(resize(a, {floats({2}, {0, 4}), std::nullopt, sizes}), {3}, {0, 2, 4});
  expect_floats(resize(a, {floats({2}, {1, kNan}), std::nullopt, sizes}), {3}, {1, kNan, kNan});
}

TEST(Resize, AntialiasAverages) {
  ResizeAttributes a = along(0, ResizeMode::linear);
  a.antialias = true;
  const Tensor y = resize(a, {floats({4}, {1, 1, 1, 1}), floats({1}, {0.5F})});
  expect_floats(y, {2}, {1, 1});
}

TEST(Resize, CropsAndExtrapolates) {
  ResizeAttributes a = along(0, ResizeMode::linear);
  a.coordinate = ResizeCoordinate::tf_crop_and_resize;
  a.extrapolation = 9;
  const Tensor y = resize(a, {floats({3}, {0, 10, 20}), std::nullopt,
                              tensor<std::int64_t>({1}, {3}), floats({2}, {0.5F, 1.5F})});
  expect_floats(y, {3}, {10, 20, 9});
}

TEST(Resize, IntegersSaturate) {
  ResizeAttributes a = along(0, ResizeMode::cubic);
  const Tensor x = tensor<std::uint8_t>({4}, {0, 0, 255, 255});
  const Tensor y = resize(a, {x, floats({1}, {2})});
  const auto v = y.values<std::uint8_t>();
  EXPECT_EQ(v[2], 0);    // the filter undershoots
  EXPECT_EQ(v[5], 255);  // and overshoots
}

TEST(Resize, RefusesWhatDoesNotFit) {
  const ResizeAttributes a = along(0, ResizeMode::nearest);
  const Tensor x = floats({2}, {1, 2});
  EXPECT_FALSE(run_node(kResize, a, {x, floats({1}, {-1})}).ok());
  EXPECT_FALSE(run_node(kResize, a, {x, floats({1}, {kNan})}).ok());
  EXPECT_FALSE(run_node(kResize, a, {x, floats({2}, {1, 1})}).ok());
  EXPECT_FALSE(run_node(kResize, a, {x}).ok());
  EXPECT_FALSE(
      run_node(kResize, a, {floats({0}, {}), std::nullopt, tensor<std::int64_t>({1}, {1})}).ok());
  expect_floats(resize(a, {floats({0}, {}), floats({1}, {2})}), {0}, {});
}

TEST(Resize, WholeScalesKeepSymbols) {
  Graph g;
  Builder b(g, std::make_shared<Builder::Symbols>());
  const Dim h = Dim::symbol("h");
  const ValueId x = b.input("x", Type::tensor(DType::f32, DimVector{h, h}));
  ResizeAttributes a;
  a.axes = {0, 1};
  const auto y = b.one(kResize, a, {x, b.constant(floats({2}, {2, 0.5F}))});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(b.type(*y).dim(0), h * 2);
  EXPECT_EQ(b.type(*y).dim(1), floor_div(h, 2));
}

Tensor sample(const SampleAttributes& a, const Tensor& x, const Tensor& at) {
  auto r = run_node(kSample, a, {x, at});
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? (*r)[0] : Tensor();
}

TEST(Sample, OutsideAndBetween) {
  const Tensor x = floats({1, 1, 3}, {1, 2, 4});
  const Tensor at = floats({1, 5, 1}, {-0.5F, 0.5F, 2, 2.5F, 7});
  SampleAttributes a;
  expect_floats(sample(a, x, at), {1, 1, 5}, {0.5, 1.5, 4, 2, 0});
  a.outside = SampleOutside::border;
  expect_floats(sample(a, x, at), {1, 1, 5}, {1, 1.5, 4, 4, 4});
  a.outside = SampleOutside::reflect;
  a.centers = true;
  expect_floats(sample(a, x, at), {1, 1, 5}, {1.5, 1.5, 4, 3, 2});
  a.mode = SampleMode::nearest;
  expect_floats(sample(a, x, at), {1, 1, 5}, {1, 1, 4, 4, 2});
}

TEST(Sample, PointsThatAreNoNumbers) {
  const Tensor x = floats({1, 1, 2}, {1, 2});
  const Tensor at = floats({1, 2, 1}, {kNan, std::numeric_limits<float>::infinity()});
  SampleAttributes a;
  expect_floats(sample(a, x, at), {1, 1, 2}, {0, 0});
  a.outside = SampleOutside::border;
  expect_floats(sample(a, x, at), {1, 1, 2}, {1, 2});
}

TEST(RoiPool, AlignsAndTakesMaxima) {
  const Tensor x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor region = floats({1, 4}, {0, 0, 1, 1}), batch = tensor<std::int64_t>({1}, {0});
  RoiPoolAttributes a;
  auto y = run_node(kRoiPool, a, {x, region, batch});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {1, 1, 1, 1}, {2.5});
  a.op = RoiPoolOp::max;
  a.height = 2;
  y = run_node(kRoiPool, a, {x, region, batch});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {1, 1, 2, 1}, {2, 4});
}

TEST(RoiPool, RefusesBadRegions) {
  const Tensor x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor region = floats({1, 4}, {0, 0, 1, 1}), batch = tensor<std::int64_t>({1}, {0});
  const RoiPoolAttributes a;
  EXPECT_FALSE(run_node(kRoiPool, a, {x, region, tensor<std::int64_t>({1}, {1})}).ok());
  EXPECT_FALSE(run_node(kRoiPool, a, {x, floats({1, 4}, {0, 0, 1e30F, 1}), batch}).ok());
  EXPECT_FALSE(run_node(kRoiPool, a, {x, floats({1, 4}, {0, 0, kNan, kNan}), batch}).ok());
}

TEST(NonMaxSuppression, ChoosesGreedily) {
  // Corners in any order; the second overlaps the first by more than a half, the third not.
  const Tensor boxes = floats({1, 3, 4}, {0, 0, 1, 1, 1, 1, 0, 0.25F, 2, 2, 3, 3});
  const Tensor scores = floats({1, 1, 3}, {0.5F, 0.9F, 0.5F});
  const auto run = [&](std::int64_t most, float iou, float score) {
    return run_node(
        kNonMaxSuppression, NonMaxSuppressionAttributes{},
        {boxes, scores, tensor<std::int64_t>({}, {most}), floats({1}, {iou}), floats({}, {score})});
  };
  auto y = run(3, 0.5F, 0);
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {2, 3}, {0, 0, 1, 0, 0, 2});
  y = run(3, 0.75F, 0);  // equal to the threshold: both stay, the lower index first among equals
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {3, 3}, {0, 0, 1, 0, 0, 0, 0, 0, 2});
  y = run(3, 0.5F, 0.5F);
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {1, 3}, {0, 0, 1});
  y = run(0, 0.5F, 0);
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {0, 3}, {});
}

}  // namespace
}  // namespace gossamer
