// Reduce: neutral elements, NaN, wrapping and narrow types, by hand.
#include "reference/reduce.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "base/float_bits.h"
#include "primitives/builder.h"
#include "primitives/test_node.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::tensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr ReduceOp kOps[] = {ReduceOp::sum, ReduceOp::mean, ReduceOp::prod,
                             ReduceOp::max, ReduceOp::min,  ReduceOp::logsumexp};

Tensor reduced(ReduceOp op, std::vector<int> axes, const Tensor& x, bool keep = false) {
  const auto r = testing::run_node(kReduce, ReduceAttributes{op, std::move(axes), keep}, {x});
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? (*r)[0] : Tensor();
}

TEST(Reduce, AlongEveryAxis) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_floats(reduced(ReduceOp::sum, {0}, x), {3}, {5, 7, 9});
  expect_floats(reduced(ReduceOp::sum, {1}, x, true), {2, 1}, {6, 15});
  expect_floats(reduced(ReduceOp::mean, {0, 1}, x), {}, {3.5});
  expect_floats(reduced(ReduceOp::prod, {1}, x), {2}, {6, 120});
  expect_floats(reduced(ReduceOp::max, {0}, x), {3}, {4, 5, 6});
  expect_floats(reduced(ReduceOp::min, {0, 1}, x, true), {1, 1}, {1});
  expect_floats(reduced(ReduceOp::logsumexp, {1}, x), {2}, {3.4076059, 6.4076059});
  expect_floats(reduced(ReduceOp::sum, {}, x), {2, 3}, {1, 2, 3, 4, 5, 6});
}

TEST(Reduce, AxesInTheMiddle) {
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.0F);
  const Tensor x = floats({2, 3, 4}, values);
  expect_floats(reduced(ReduceOp::sum, {1}, x), {2, 4}, {12, 15, 18, 21, 48, 51, 54, 57});
  expect_floats(reduced(ReduceOp::sum, {0, 2}, x, true), {1, 3, 1}, {60, 92, 124});
}

TEST(Reduce, EmptySetsGiveTheNeutralElement) {
  const double want[] = {0, kNan, 1, -kInfinity, kInfinity, -kInfinity};
  for (std::size_t i = 0; i < std::size(kOps); ++i) {
    const Tensor x = floats({2, 0}, {});
    expect_floats(reduced(kOps[i], {1}, x), {2}, {want[i], want[i]});
    expect_floats(reduced(kOps[i], {0}, x, true), {1, 0}, {});
  }
  EXPECT_EQ(reduced(ReduceOp::max, {0}, tensor<std::int8_t>({0}, {})).values<std::int8_t>()[0],
            -128);
  EXPECT_EQ(reduced(ReduceOp::min, {0}, tensor<std::uint8_t>({0}, {})).values<std::uint8_t>()[0],
            255);
  EXPECT_EQ(reduced(ReduceOp::mean, {0}, tensor<std::int32_t>({0}, {})).values<std::int32_t>()[0],
            0);
  EXPECT_FALSE(reduced(ReduceOp::max, {0}, tensor<bool>({0}, {})).values<bool>()[0]);
  EXPECT_TRUE(reduced(ReduceOp::min, {0}, tensor<bool>({0}, {})).values<bool>()[0]);
}

TEST(Reduce, Scalars) {
  for (ReduceOp op : kOps) expect_floats(reduced(op, {}, floats({}, {7})), {}, {7});
}

TEST(Reduce, NotANumberWins) {
  const Tensor x = floats({3}, {1, kNan, 9});
  for (ReduceOp op : kOps) expect_floats(reduced(op, {0}, x), {}, {kNan});
}

TEST(Reduce, InfinitiesOfLogSumExp) {
  const auto inf = static_cast<float>(kInfinity);
  expect_floats(reduced(ReduceOp::logsumexp, {0}, floats({2}, {-inf, -inf})), {}, {-kInfinity});
  expect_floats(reduced(ReduceOp::logsumexp, {0}, floats({2}, {inf, 1})), {}, {kInfinity});
  expect_floats(reduced(ReduceOp::logsumexp, {0}, floats({2}, {1000, 1000})), {},
                {1000 + std::log(2.0)}, 1e-4);
}

TEST(Reduce, IntegersWrapAndMeansTruncate) {
  const Tensor x = tensor<std::int8_t>({3}, {100, 100, 1});
  EXPECT_EQ(reduced(ReduceOp::sum, {0}, x).values<std::int8_t>()[0], -55);
  EXPECT_EQ(reduced(ReduceOp::prod, {0}, x).values<std::int8_t>()[0], 16);
  const Tensor wide = tensor<std::int64_t>({2}, {-3, -4});
  EXPECT_EQ(reduced(ReduceOp::mean, {0}, wide).values<std::int64_t>()[0], -3);
}

TEST(Reduce, NarrowFloatsAreSummedWide) {
  std::vector<F16> values(4096, round_to<F16>(1.0F));
  EXPECT_EQ(to_float(reduced(ReduceOp::sum, {0}, tensor<F16>({4096}, values)).values<F16>()[0]),
            4096);
}

TEST(Reduce, LongSumsKeepTheirPrecision) {
  const std::vector<float> values(1 << 20, 0.1F);
  const Tensor x = floats({1 << 20}, values);
  expect_floats(reduced(ReduceOp::sum, {0}, x), {}, {double{0.1F} * (1 << 20)}, 0.02);
}

TEST(Reduce, BadAxesAndTypesAreRefused) {
  const auto refused = [](ReduceOp op, int axis, const Tensor& x) {
    return !testing::run_node(kReduce, ReduceAttributes{op, {axis}, false}, {x}).ok();
  };
  EXPECT_TRUE(refused(ReduceOp::sum, 1, floats({2}, {1, 2})));
  EXPECT_TRUE(refused(ReduceOp::sum, -1, floats({2}, {1, 2})));
  EXPECT_TRUE(refused(ReduceOp::sum, 0, tensor<std::string>({1}, {"a"})));
}

TEST(Reduce, CountsElementsSymbolically) {
  Graph graph;
  Builder b(graph, std::make_shared<Builder::Symbols>());
  const ValueId x = b.input("x", Type::tensor(DType::f32, DimVector{Dim::symbol("n"), Dim(3)}));
  const auto shape = b.shape_of(x);
  ASSERT_TRUE(shape.ok());
  const auto count = b.one(kReduce, ReduceAttributes{ReduceOp::prod, {0}, false}, {*shape});
  ASSERT_TRUE(count.ok()) << count.status().message();
  ASSERT_TRUE(b.contents(*count).has_value());
  EXPECT_EQ((*b.contents(*count))[0], Dim::symbol("n") * Dim(3));
}

}  // namespace
}  // namespace gossamer
