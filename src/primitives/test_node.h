// For tests: runs one primitive on tensors.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"

namespace gossamer::testing {

using Operands = std::vector<std::optional<Tensor>>;

// The results of one node, all of them tensors; nothing stands for an operand left out.
template <class S>
Result<std::vector<Tensor>> run_node(const Primitive& primitive, const S& attributes,
                                     const Operands& operands, std::size_t results = 1) {
  std::vector<Value> values;
  for (const auto& t : operands) values.emplace_back(t.value_or(Tensor()));
  std::vector<const Value*> given;
  for (std::size_t i = 0; i < operands.size(); ++i)
    given.push_back(operands[i] ? &values[i] : nullptr);
  ASSIGN(std::vector<Value> out, evaluate_node(primitive, &attributes, given, results));
  std::vector<Tensor> tensors;
  for (Value& v : out) tensors.push_back(std::move(v.tensor));
  return tensors;
}

template <class T>
Tensor tensor(Shape shape, std::initializer_list<T> values) {
  return Tensor::of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
}

template <class T>
Tensor tensor(Shape shape, const std::vector<T>& values) {
  return Tensor::of<T>(std::move(shape), std::span<const T>(values));
}

inline Tensor floats(Shape shape, std::initializer_list<float> values) {
  return tensor<float>(std::move(shape), values);
}

inline Tensor floats(Shape shape, const std::vector<float>& values) {
  return tensor<float>(std::move(shape), values);
}

// `got` has this shape and, within `tolerance`, these elements; NaN fits NaN.
inline void expect_floats(const Tensor& got, const Shape& shape, const std::vector<double>& want,
                          double tolerance = 1e-6) {
  EXPECT_EQ(got.shape(), shape);
  const auto values = to_doubles(got);
  ASSERT_TRUE(values.ok()) << values.status().message();
  ASSERT_EQ(values->size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double g = (*values)[i], w = want[i];
    if (g == w || (g != g && w != w)) continue;
    EXPECT_NEAR(g, w, tolerance) << "element " << i;
  }
}

}  // namespace gossamer::testing
