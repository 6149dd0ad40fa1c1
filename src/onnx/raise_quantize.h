// QuantizeLinear and DequantizeLinear from the instructions of a Pointwise program: granularity is
// read from the shapes of scale and zero point.
#pragma once

#include <optional>
#include <utility>

#include "onnx/raise.h"
#include "reference/pointwise.h"

namespace gossamer::onnx {

// One element as a tensor of rank 0.
Tensor tensor_of(const Scalar& s);
// The least and the greatest value of an integer type.
std::pair<double, double> integer_range(DType dtype);

// A scale or a zero point: a number of the program, or an operand of the node.
struct LinearOperand {
  std::optional<Scalar> constant;
  std::size_t operand = 0;
};

struct Linear {
  bool quantize = false;
  Raising::Name x;
  DType x_dtype = DType::f32;
  std::optional<int> rank;   // of x, which has the result's
  DType dtype = DType::f32;  // of the result
  DType scale_dtype = DType::f32;
  DType precision = DType::f32;  // quantize: of the division
  bool saturate = true;
};

// The operator, or nothing when the standard has none of this granularity and these types.
std::optional<Raising::Name> spell_linear(Raising& r, const Linear& linear,
                                          const LinearOperand& scale, const LinearOperand& zero);

}  // namespace gossamer::onnx
