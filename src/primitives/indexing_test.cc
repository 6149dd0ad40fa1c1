// Gather, Scatter, Cumulate, TopK, ArgReduce, Unique, NonZero and Det on cases worked out by hand.
#include <gtest/gtest.h>

#include <limits>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "reference/arg_reduce.h"
#include "reference/cumulate.h"
#include "reference/det.h"
#include "reference/gather.h"
#include "reference/non_zero.h"
#include "reference/scatter.h"
#include "reference/top_k.h"
#include "reference/unique.h"

namespace gossamer {
namespace {

using Ints = std::vector<std::int64_t>;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

template <class S>
Result<std::vector<Value>> run(const Primitive& primitive, const S& attributes,
                               std::vector<Tensor> operands, std::size_t results = 1) {
  std::vector<Value> values(operands.begin(), operands.end());
  std::vector<const Value*> pointers;
  for (const Value& v : values) pointers.push_back(&v);
  return evaluate_node(primitive, &attributes, pointers, results);
}

template <class T>
Tensor tensor(Shape shape, std::vector<T> values) {
  return Tensor::of<T>(std::move(shape), values);
}

template <class T>
void expect(const Value& v, Shape shape, std::vector<T> values) {
  EXPECT_TRUE(v.tensor.same_bits(Tensor::of<T>(shape, values)))
      << "shape " << v.tensor.shape().to_string();
}

TEST(Gather, TakesSlices) {
  const Tensor x = tensor<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  GatherAttributes a;
  a.axis = 1;
  auto y = run(kGather, a, {x, tensor<std::int64_t>({2, 1}, {2, -3})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2, 2, 1}, {2, 0, 5, 3});
  y = run(kGather, a, {x, tensor<std::int32_t>({}, {1})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2}, {1, 4});
  y = run(kGather, a, {x, tensor<std::int64_t>({0}, {})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2, 0}, {});
  EXPECT_FALSE(run(kGather, a, {x, tensor<std::int64_t>({1}, {3})}).ok());
  EXPECT_FALSE(run(kGather, a, {x, tensor<std::int64_t>({1}, {-4})}).ok());
  EXPECT_FALSE(run(kGather, a, {x, tensor<float>({1}, {0})}).ok());
}

TEST(Gather, TakesAlongAnAxis) {
  GatherAttributes a;
  a.mode = GatherMode::along;
  const Tensor x = tensor<float>({2, 3}, {0, 1, 2, 3, 4, 5});
  auto y = run(kGather, a, {x, tensor<std::int64_t>({1, 3}, {1, 0, -1})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {1, 3}, {3, 1, 5});
  a.axis = 1;
  y = run(kGather, a, {x, tensor<std::int64_t>({2, 2}, {2, 0, 0, 2})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2, 2}, {2, 0, 3, 5});
  EXPECT_FALSE(run(kGather, a, {x, tensor<std::int64_t>({3, 1}, {0, 0, 0})}).ok());
  EXPECT_FALSE(run(kGather, a, {x, tensor<std::int64_t>({3}, {0, 0, 0})}).ok());
}

TEST(Gather, TakesByCoordinates) {
  GatherAttributes a;
  a.mode = GatherMode::nd;
  const Tensor x = tensor<float>({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  auto y = run(kGather, a, {x, tensor<std::int64_t>({2, 2}, {0, 1, -1, 0})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2, 2}, {2, 3, 4, 5});
  a.batch = 1;
  y = run(kGather, a, {x, tensor<std::int64_t>({2, 1}, {1, 0})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2, 2}, {2, 3, 4, 5});
  EXPECT_FALSE(run(kGather, a, {x, tensor<std::int64_t>({1, 1}, {0})}).ok());
  EXPECT_FALSE(run(kGather, a, {x, tensor<std::int64_t>({2, 3}, {0, 0, 0, 0, 0, 0})}).ok());
}

TEST(Scatter, ReplacesAndCombines) {
  ScatterAttributes a;
  const Tensor x = tensor<float>({3}, {1, 2, 3});
  const Tensor i = tensor<std::int64_t>({3}, {0, -1, 0});
  const Tensor u = tensor<float>({3}, {5, 6, 7});
  auto result = [&](ScatterCombine combine) {
    a.combine = combine;
    return (*run(kScatter, a, {x, i, u}))[0];
  };
  expect<float>(result(ScatterCombine::none), {3}, {7, 2, 6});
  expect<float>(result(ScatterCombine::add), {3}, {13, 2, 9});
  expect<float>(result(ScatterCombine::mul), {3}, {35, 2, 18});
  expect<float>(result(ScatterCombine::max), {3}, {7, 2, 6});
  expect<float>(result(ScatterCombine::min), {3}, {1, 2, 3});
  EXPECT_FALSE(run(kScatter, a, {x, tensor<std::int64_t>({3}, {0, 3, 0}), u}).ok());
  EXPECT_FALSE(run(kScatter, a, {x, tensor<std::int64_t>({2}, {0, 1}), u}).ok());
}

TEST(Scatter, WritesSlices) {
  ScatterAttributes a;
  a.mode = ScatterMode::nd;
  const Tensor x = tensor<std::int8_t>({2, 2}, {1, 2, 3, 100});
  auto y = run(kScatter, a,
               {x, tensor<std::int64_t>({1, 1}, {-1}), tensor<std::int8_t>({1, 2}, {7, 8})});
  ASSERT_TRUE(y.ok());
  expect<std::int8_t>((*y)[0], {2, 2}, {1, 2, 7, 8});
  a.combine = ScatterCombine::add;  // int8 wraps
  y = run(kScatter, a, {x, tensor<std::int64_t>({1, 2}, {1, 1}), tensor<std::int8_t>({1}, {100})});
  ASSERT_TRUE(y.ok());
  expect<std::int8_t>((*y)[0], {2, 2}, {1, 2, 3, -56});
}

TEST(Cumulate, RunsBothWays) {
  const Tensor x = tensor<std::int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  CumulateAttributes a;
  a.axis = 1;
  expect<std::int32_t>((*run(kCumulate, a, {x}))[0], {2, 3}, {1, 3, 6, 4, 9, 15});
  a.exclusive = true;
  expect<std::int32_t>((*run(kCumulate, a, {x}))[0], {2, 3}, {0, 1, 3, 0, 4, 9});
  a.reverse = true;
  expect<std::int32_t>((*run(kCumulate, a, {x}))[0], {2, 3}, {5, 3, 0, 11, 6, 0});
  a.op = CumulateOp::prod;
  a.axis = 0;
  expect<std::int32_t>((*run(kCumulate, a, {x}))[0], {2, 3}, {4, 5, 6, 1, 1, 1});
  EXPECT_FALSE(run(kCumulate, a, {tensor<std::int32_t>({}, {1})}).ok());
}

TEST(TopK, KeepsTheOrderOfEquals) {
  TopKAttributes a;
  const Tensor x = tensor<float>({5}, {1, 3, kNaN, 3, 2});
  auto y = run(kTopK, a, {x, Tensor::vector(Ints{4})}, 2);
  ASSERT_TRUE(y.ok());
  expect<std::int64_t>((*y)[1], {4}, {2, 1, 3, 4});
  y = run(kTopK, a, {x, Tensor::vector(Ints{1})}, 1);  // nobody asks for the places
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->size(), 1U);
  a.largest = false;
  y = run(kTopK, a, {x, Tensor::vector(Ints{5})}, 2);
  ASSERT_TRUE(y.ok());
  expect<std::int64_t>((*y)[1], {5}, {0, 4, 1, 3, 2});
  const Tensor big = tensor<std::uint64_t>({2}, {1ULL << 63, (1ULL << 63) + 1});
  y = run(kTopK, a, {big, Tensor::vector(Ints{1})}, 2);
  ASSERT_TRUE(y.ok());
  expect<std::uint64_t>((*y)[0], {1}, {1ULL << 63});
  EXPECT_FALSE(run(kTopK, a, {x, Tensor::vector(Ints{6})}, 2).ok());
  EXPECT_FALSE(run(kTopK, a, {x, Tensor::vector(Ints{-1})}, 2).ok());
}

TEST(ArgReduce, FindsTheFirstOrLast) {
  ArgReduceAttributes a;
  a.axis = 1;
  const Tensor x = tensor<float>({2, 3}, {2, 2, 1, 0, kNaN, 9});
  expect<std::int64_t>((*run(kArgReduce, a, {x}))[0], {2}, {0, 1});
  a.last = a.keep = true;
  expect<std::int64_t>((*run(kArgReduce, a, {x}))[0], {2, 1}, {1, 1});
  a.op = ArgReduceOp::min;
  expect<std::int64_t>((*run(kArgReduce, a, {x}))[0], {2, 1}, {2, 1});
  EXPECT_FALSE(run(kArgReduce, a, {tensor<float>({2, 0}, {})}).ok());
  EXPECT_TRUE(run(kArgReduce, a, {tensor<float>({0, 0}, {})}).ok());
}

TEST(Unique, NumbersElements) {
  UniqueAttributes a;
  const Tensor x = tensor<float>({2, 3}, {2, 1, kNaN, 3, kNaN, 1});
  auto y = run(kUnique, a, {x}, 4);
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {4}, {1, 2, 3, kNaN});
  expect<std::int64_t>((*y)[1], {4}, {1, 0, 3, 2});
  expect<std::int64_t>((*y)[2], {6}, {1, 0, 3, 2, 3, 0});
  expect<std::int64_t>((*y)[3], {4}, {2, 1, 1, 2});
  a.sorted = false;
  y = run(kUnique, a, {x}, 4);
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {4}, {2, 1, kNaN, 3});
  expect<std::int64_t>((*y)[1], {4}, {0, 1, 2, 3});
  expect<std::int64_t>((*y)[2], {6}, {0, 1, 2, 3, 2, 1});
  y = run(kUnique, a, {tensor<float>({0}, {})}, 4);
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {0}, {});
}

TEST(Unique, ComparesSlices) {
  UniqueAttributes a;
  a.axis = 1;
  auto y = run(kUnique, a, {tensor<std::int32_t>({2, 3}, {2, 1, 2, 0, 5, 0})}, 4);
  ASSERT_TRUE(y.ok());
  expect<std::int32_t>((*y)[0], {2, 2}, {1, 2, 5, 0});
  expect<std::int64_t>((*y)[2], {3}, {1, 0, 1});
  a.axis = 0;
  y = run(kUnique, a, {tensor<std::string>({3}, {"b", "a", "b"})}, 4);
  ASSERT_TRUE(y.ok());
  expect<std::string>((*y)[0], {2}, {"a", "b"});
}

TEST(NonZero, GivesCoordinates) {
  const NonZeroAttributes a;
  auto y = run(kNonZero, a, {tensor<float>({2, 2}, {0, kNaN, -0.0F, 1})});
  ASSERT_TRUE(y.ok());
  expect<std::int64_t>((*y)[0], {2, 2}, {0, 1, 1, 1});
  expect<std::int64_t>((*run(kNonZero, a, {Tensor::scalar(true)}))[0], {0, 1}, {});
  expect<std::int64_t>((*run(kNonZero, a, {tensor<float>({0}, {})}))[0], {1, 0}, {});
}

TEST(Det, Pivots) {
  const DetAttributes a;
  auto y = run(kDet, a, {tensor<float>({2, 2, 2}, {0, 1, 2, 3, 4, 0, 0, 0.5F})});
  ASSERT_TRUE(y.ok());
  expect<float>((*y)[0], {2}, {-2, 2});
  expect<float>((*run(kDet, a, {tensor<float>({0, 0}, {})}))[0], {}, {1});
  EXPECT_FALSE(run(kDet, a, {tensor<float>({2, 3}, {0, 1, 2, 3, 4, 5})}).ok());
}

}  // namespace
}  // namespace gossamer
