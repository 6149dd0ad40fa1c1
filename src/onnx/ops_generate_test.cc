// Range at the ends of its integers, and OneHot and Trilu of elements that are no numbers.
#include <gtest/gtest.h>

#include <limits>

#include "onnx/lower.h"
#include "primitives/evaluator.h"

namespace gossamer::onnx {
namespace {

// What one node of the default domain gives for these inputs.
Result<Tensor> run(std::string op, std::vector<Tensor> inputs,
                   std::vector<Attribute> attributes = {}) {
  auto model = std::make_shared<Model>();
  model->ir_version = 10;
  model->opsets[""] = 21;
  Node node;
  node.op_type = std::move(op);
  node.outputs = {"y"};
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    node.inputs.push_back("x" + std::to_string(i));
    model->graph.initializers.push_back({node.inputs.back(), inputs[i]});
  }
  model->graph.nodes.push_back(std::move(node));
  model->graph.outputs.push_back({"y", Type{}});
  ASSIGN(gossamer::Graph graph, lower(model));
  ASSIGN(std::vector<Value> outputs, evaluate(graph, {}));
  return outputs[0].tensor;
}

Result<Tensor> range(std::int64_t start, std::int64_t limit, std::int64_t delta) {
  return run("Range", {Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)});
}

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kGreatest = std::numeric_limits<std::int64_t>::max();

TEST(Range, CountsUpAndDown) {
  const auto ints = [](std::vector<std::int64_t> v) { return Tensor::vector(v); };
  EXPECT_TRUE(range(1, 8, 3)->same_bits(ints({1, 4, 7})));
  EXPECT_TRUE(range(1, 7, 3)->same_bits(ints({1, 4})));
  EXPECT_TRUE(range(3, -3, -2)->same_bits(ints({3, 1, -1})));
  EXPECT_TRUE(range(2, 0, -1)->same_bits(ints({2, 1})));
  EXPECT_TRUE(range(kGreatest - 2, kGreatest, 1)->same_bits(ints({kGreatest - 2, kGreatest - 1})));
}

TEST(Range, IsEmptyAgainstItsDelta) {
  EXPECT_EQ(range(5, 5, 1)->count(), 0);
  EXPECT_EQ(range(5, 2, 1)->count(), 0);
  EXPECT_EQ(range(kGreatest, kLeast, 1)->count(), 0);
  EXPECT_EQ(range(kGreatest, kLeast, 7)->count(), 0);
  EXPECT_EQ(range(kLeast, kGreatest, -1)->count(), 0);
}

TEST(Range, RefusesToOverflow) {
  EXPECT_FALSE(range(kLeast, kGreatest, 1).ok());
  EXPECT_FALSE(range(kLeast, kGreatest, 2).ok());
  EXPECT_FALSE(range(kGreatest, kLeast, -1).ok());
  EXPECT_FALSE(range(kGreatest, kLeast, kLeast + 1).ok());
  EXPECT_FALSE(range(0, 10, 0).ok());
}

Tensor strings(Shape shape, std::vector<std::string> values) {
  return Tensor::vector(values).reshaped(std::move(shape));
}

TEST(OneHot, PicksStrings) {
  const Result<Tensor> y =
      run("OneHot", {Tensor::vector<std::int64_t>({2, -1, 5}), Tensor::scalar<std::int64_t>(3),
                     strings({2}, {"off", "on"})});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_TRUE(
      y->same_bits(strings({3, 3}, {"off", "off", "on", "off", "off", "on", "off", "off", "off"})));
}

TEST(Trilu, LeavesEmptyStrings) {
  const Tensor x = strings({2, 3}, {"a", "b", "c", "d", "e", "f"});
  const Result<Tensor> upper = run("Trilu", {x});
  ASSERT_TRUE(upper.ok()) << upper.status().message();
  EXPECT_TRUE(upper->same_bits(strings({2, 3}, {"a", "b", "c", "", "e", "f"})));
  const Result<Tensor> shifted = run("Trilu", {x, Tensor::scalar<std::int64_t>(2)});
  ASSERT_TRUE(shifted.ok()) << shifted.status().message();
  EXPECT_TRUE(shifted->same_bits(strings({2, 3}, {"", "", "c", "", "", ""})));
}

TEST(Trilu, LeavesComplexZeros) {
  const std::vector<float> parts = {1, 2, 3, 4, 5, 6, 7, 8};
  Tensor x = Tensor::make(DType::c64, Shape{2, 2}).value();
  std::copy_n(parts.data(), parts.size(), static_cast<float*>(x.mutable_data()));
  const Result<Tensor> y = run("Trilu", {x});
  ASSERT_TRUE(y.ok()) << y.status().message();
  const auto* values = static_cast<const float*>(y->data());
  EXPECT_EQ(std::vector<float>(values, values + 8), (std::vector<float>{1, 2, 3, 4, 0, 0, 7, 8}));
}

}  // namespace
}  // namespace gossamer::onnx
