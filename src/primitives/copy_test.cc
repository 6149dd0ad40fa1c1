// Tests Copy: each movement step against values worked out by hand.
#include <gtest/gtest.h>

#include <numeric>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "reference/copy.h"

namespace gossamer {
namespace {

Tensor iota(Shape shape) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(shape.count()));
  std::iota(values.begin(), values.end(), 0);
  return Tensor::of<std::int32_t>(std::move(shape), values);
}

Result<Tensor> run(std::string_view text, const Tensor& x, std::vector<Tensor> args = {},
                   std::int64_t max_bytes = 1 << 20) {
  ASSIGN(StepList steps, parse_steps(text));
  EXPECT_EQ(to_text(steps), text);
  const CopyAttributes a{std::move(steps)};
  std::vector<Value> values{Value(x)};
  for (Tensor& t : args) values.emplace_back(std::move(t));
  std::vector<const Value*> operands;
  for (const Value& v : values) operands.push_back(&v);
  ASSIGN(std::vector<Value> out, evaluate_node(kCopy, &a, operands, 1, max_bytes));
  return out[0].tensor;
}

void expect_copy(std::string_view text, const Tensor& x, Shape shape,
                 std::vector<std::int32_t> values, std::vector<Tensor> args = {}) {
  Result<Tensor> y = run(text, x, std::move(args));
  ASSERT_TRUE(y.ok()) << text << ": " << y.status().message();
  EXPECT_EQ(y->shape(), shape) << text;
  auto got = y->values<std::int32_t>();
  EXPECT_EQ(std::vector<std::int32_t>(got.begin(), got.end()), values) << text;
}

Tensor ints(std::vector<std::int64_t> values) { return Tensor::vector(values); }

TEST(Copy, PermutesAndReshapes) {
  expect_copy("permute 1 0", iota({2, 3}), {3, 2}, {0, 3, 1, 4, 2, 5});
  expect_copy("permute 2 0 1", iota({1, 2, 3}), {3, 1, 2}, {0, 3, 1, 4, 2, 5});
  expect_copy("reshape =0 * 1 | permute 2 1 0", iota({2, 3}), {1, 3, 2}, {0, 3, 1, 4, 2, 5});
  expect_copy("permute 1 0 | reshape 0*1", iota({2, 3}), {6}, {0, 3, 1, 4, 2, 5});
  expect_copy("permute", iota({}), {}, {0});
}

TEST(Copy, PermutesLargeBlocks) {
  Result<Tensor> y = run("permute 0 2 1", iota({2, 70, 45}), {}, 1 << 30);
  ASSERT_TRUE(y.ok());
  auto v = y->values<std::int32_t>();
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 45; ++b)
      for (int c = 0; c < 70; ++c)
        ASSERT_EQ(v[static_cast<std::size_t>((a * 45 + b) * 70 + c)], (a * 70 + c) * 45 + b);
}

TEST(Copy, ReshapesByOperands) {
  expect_copy("reshape @1[0] @1[1]", iota({2, 3}), {3, 2}, {0, 1, 2, 3, 4, 5}, {ints({3, -1})});
  expect_copy("reshape @1[0]?=0 @1[1]?=1", iota({2, 3}), {2, 3}, {0, 1, 2, 3, 4, 5},
              {ints({0, -1})});
  expect_copy("reshape @1[0] 5", iota({0, 5}), {0, 5}, {}, {ints({0})});
  expect_copy("reshape =0 *", iota({0, 3}), {0, 3}, {});
  EXPECT_FALSE(run("reshape 4", iota({2, 3})).ok());
  EXPECT_FALSE(run("reshape * *", iota({2, 3})).ok());
  EXPECT_FALSE(run("reshape @1[0]", iota({2}), {ints({-2})}).ok());
  EXPECT_FALSE(run("reshape @1[3]", iota({2}), {ints({2})}).ok());
  EXPECT_FALSE(run("reshape @2[0]", iota({2}), {ints({2})}).ok());
  EXPECT_FALSE(run("reshape =0", iota({0, 3})).ok());
}

TEST(Copy, SlicesLikeNumpy) {
  const Tensor x = iota({5});
  expect_copy("slice 0 1:4", x, {3}, {1, 2, 3});
  expect_copy("slice 0 -2:9223372036854775807", x, {2}, {3, 4});
  expect_copy("slice 0 -1:-9223372036854775808:-1", x, {5}, {4, 3, 2, 1, 0});
  expect_copy("slice 0 100:0:-2", x, {2}, {4, 2});
  expect_copy("slice 0 3:1", x, {0}, {});
  expect_copy("slice 0 0:5:9223372036854775807", x, {1}, {0});
  expect_copy("slice 0 4:-9223372036854775808:-9223372036854775808", x, {1}, {4});
  expect_copy("slice 0 @1[0]:@1[1]:2", x, {2}, {1, 3}, {ints({1, 5})});
  expect_copy("slice 1 1:2 | slice 0 1:2", iota({3, 4}), {1, 1}, {5});
  EXPECT_FALSE(run("slice 0 0:1:0", x).ok());
  EXPECT_FALSE(run("slice 1 0:1", x).ok());
}

TEST(Copy, Pads) {
  const Tensor x = iota({3});
  expect_copy("pad 0 1 2", x, {6}, {0, 0, 1, 2, 0, 0});
  expect_copy("pad 0 -1 1 @1", x, {3}, {1, 2, 7}, {Tensor::scalar<std::int32_t>(7)});
  expect_copy("pad 0 1 0 interior 2 @1", x, {8}, {9, 0, 9, 9, 1, 9, 9, 2},
              {Tensor::scalar<std::int32_t>(9)});
  expect_copy("pad 0 2 2 edge", x, {7}, {0, 0, 0, 1, 2, 2, 2});
  expect_copy("pad 0 4 3 reflect", x, {10}, {0, 1, 2, 1, 0, 1, 2, 1, 0, 1});
  expect_copy("pad 0 4 4 wrap", x, {11}, {2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
  expect_copy("pad 0 2 0 reflect", iota({1}), {3}, {0, 0, 0});
  expect_copy("permute 1 0 | pad 1 0 1 edge", iota({2, 2}), {2, 3}, {0, 2, 2, 1, 3, 3});
  expect_copy("pad 1 1 0 @1 | permute 1 0", iota({2, 1}), {2, 2}, {5, 5, 0, 1},
              {Tensor::scalar<std::int32_t>(5)});
  expect_copy("pad 0 1 0", iota({0, 2}), {1, 2}, {0, 0});
  EXPECT_FALSE(run("pad 0 -2 -2", x).ok());
  EXPECT_FALSE(run("pad 0 -9223372036854775808 -9223372036854775808", x).ok());
  EXPECT_FALSE(run("pad 0 1 0 edge", iota({0})).ok());
  EXPECT_FALSE(run("pad 0 9223372036854775807 9223372036854775807", x).ok());
  EXPECT_FALSE(run("pad 0 1 0 interior 9223372036854775807", x).ok());
  EXPECT_FALSE(run("pad 0 1 0 @1", x, {Tensor::scalar<float>(7)}).ok());
}

TEST(Copy, ExpandsAndRepeats) {
  expect_copy("expand 2 1", iota({2}), {2, 2}, {0, 1, 0, 1});
  expect_copy("expand 1", iota({2, 1}), {2, 1}, {0, 1});
  expect_copy("expand 0", iota({2, 1}), {2, 0}, {});
  expect_copy("expand @1[0] 2", iota({2, 1}), {2, 2}, {0, 0, 1, 1}, {ints({2})});
  expect_copy("repeat 0 2 tile", iota({2}), {4}, {0, 1, 0, 1});
  expect_copy("repeat 0 2 each", iota({2}), {4}, {0, 0, 1, 1});
  expect_copy("repeat 1 2 tile", iota({2, 2}), {2, 4}, {0, 1, 0, 1, 2, 3, 2, 3});
  expect_copy("repeat 0 0 tile", iota({2}), {0}, {});
  expect_copy("repeat 0 3 each", iota({1}), {3}, {0, 0, 0});
  EXPECT_FALSE(run("expand 3", iota({2})).ok());
  EXPECT_FALSE(run("expand -1", iota({1})).ok());
  EXPECT_FALSE(run("repeat 0 -1 tile", iota({2})).ok());
}

TEST(Copy, CutsWindowsAndDiagonals) {
  expect_copy("window 0 3 2 1", iota({6}), {2, 3}, {0, 1, 2, 2, 3, 4});
  expect_copy("window 0 2 1 2", iota({4}), {2, 2}, {0, 2, 1, 3});
  expect_copy("window 0 5 1 1", iota({4}), {0, 5}, {});
  expect_copy("diagonal 0 1", iota({3, 3}), {3}, {0, 4, 8});
  EXPECT_FALSE(run("diagonal 0 1", iota({2, 3})).ok());
  EXPECT_FALSE(run("window 0 0 1 1", iota({4})).ok());
  EXPECT_FALSE(run("window 0 9223372036854775807 1 9223372036854775807", iota({4})).ok());
}

TEST(Copy, RefusesTooMuch) {
  Result<Tensor> y = run("expand 4294967296 4294967296", iota({1}));
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.status().code(), Code::limit);
  // An intermediate result counts too.
  y = run("expand 1000000 10 | permute 1 0 | reshape 10000000 | slice 0 0:1", iota({1}));
  ASSERT_FALSE(y.ok());
  EXPECT_EQ(y.status().code(), Code::limit);
}

TEST(Copy, MovesStrings) {
  const std::string words[] = {"a", "b", "c"};
  Result<Tensor> y =
      run("slice 0 -1:-9223372036854775808:-1 | pad 0 1 0", Tensor::of<std::string>({3}, words));
  ASSERT_TRUE(y.ok());
  auto v = y->values<std::string>();
  EXPECT_EQ(std::vector<std::string>(v.begin(), v.end()),
            (std::vector<std::string>{"", "c", "b", "a"}));
}

TEST(CopyText, RefusesWhatMakesNoSense) {
  for (const char* text : {"turn 1", "permute x", "permute -1", "slice 0 1", "slice 0 1:2:3:4",
                           "reshape @", "reshape @1", "reshape @0[0]", "reshape @1[-1]",
                           "reshape 99999999999999999999", "pad 0 1", "pad 0 1 2 mirror",
                           "repeat 0 2", "window 0 1", "diagonal 0", "reshape =99", "reshape 1?=x"})
    EXPECT_FALSE(parse_steps(text).ok()) << text;
  EXPECT_TRUE(parse_steps("")->empty());
}

}  // namespace
}  // namespace gossamer
