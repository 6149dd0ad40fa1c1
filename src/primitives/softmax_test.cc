// Softmax: large numbers, rows of -inf and narrow types, by hand.
#include "reference/softmax.h"

#include <cmath>
#include <limits>

#include "base/float_bits.h"
#include "primitives/test_node.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor softmax(int axis, const Tensor& x, bool log = false) {
  const auto r = testing::run_node(kSoftmax, SoftmaxAttributes{axis, log}, {x});
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? (*r)[0] : Tensor();
}

TEST(Softmax, RowsAndColumns) {
  const Tensor x = floats({2, 2}, {0, std::log(3.0F), 0, 0});
  expect_floats(softmax(1, x), {2, 2}, {0.25, 0.75, 0.5, 0.5});
  expect_floats(softmax(0, x), {2, 2}, {0.5, 0.75, 0.5, 0.25});
  expect_floats(softmax(1, x, true), {2, 2},
                {std::log(0.25), std::log(0.75), std::log(0.5), std::log(0.5)});
}

TEST(Softmax, LargeNumbersDoNotOverflow) {
  const Tensor x = floats({1, 3}, {10000, 10001, -10000});
  expect_floats(softmax(1, x), {1, 3}, {0.26894142, 0.73105858, 0});
  expect_floats(softmax(1, x, true), {1, 3}, {-1.3132617, -0.3132617, -20001.3132617}, 1e-3);
}

TEST(Softmax, InfinitiesAndNotANumber) {
  expect_floats(softmax(0, floats({2}, {-kInfinity, 0})), {2}, {0, 1});
  expect_floats(softmax(0, floats({2}, {-kInfinity, 0}), true), {2}, {-kInfinity, 0});
  expect_floats(softmax(0, floats({2}, {-kInfinity, -kInfinity})), {2}, {kNan, kNan});
  expect_floats(softmax(0, floats({2}, {kInfinity, 0})), {2}, {kNan, kNan});
  expect_floats(softmax(0, floats({3}, {1, kNan, 2})), {3}, {kNan, kNan, kNan});
}

TEST(Softmax, NothingToDo) {
  expect_floats(softmax(1, floats({2, 0}, {})), {2, 0}, {});
  expect_floats(softmax(0, floats({0, 2}, {})), {0, 2}, {});
  expect_floats(softmax(0, floats({1}, {5})), {1}, {1});
}

TEST(Softmax, OtherFloats) {
  const Tensor wide = tensor<double>({2}, {0, std::log(3.0)});
  expect_floats(softmax(0, wide), {2}, {0.25, 0.75}, 1e-15);
  const Tensor half = tensor<F16>({2}, {round_to<F16>(7.0F), round_to<F16>(7.0F)});
  expect_floats(softmax(0, half), {2}, {0.5, 0.5}, 0);
}

TEST(Softmax, BadAxesAndTypesAreRefused) {
  EXPECT_FALSE(
      testing::run_node(kSoftmax, SoftmaxAttributes{1, false}, {floats({2}, {1, 2})}).ok());
  EXPECT_FALSE(testing::run_node(kSoftmax, SoftmaxAttributes{0, false}, {floats({}, {1})}).ok());
  EXPECT_FALSE(
      testing::run_node(kSoftmax, SoftmaxAttributes{0, false}, {tensor<std::int32_t>({1}, {1})})
          .ok());
}

}  // namespace
}  // namespace gossamer
