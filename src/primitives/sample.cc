// Sample: shape rule.
#include "reference/sample.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const SampleAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "x"));
  TRY(c.expect_tensor(1, "points"));
  const Type &x = c.type(0), &at = c.type(1);
  const bool numbers = is_arithmetic_float(x.dtype) || is_arithmetic_integer(x.dtype);
  if (a.mode != SampleMode::nearest && !numbers)
    return malformed("cannot interpolate " + std::string(dtype_name(x.dtype)));
  if (at.dtype != DType::f32 && at.dtype != DType::f64)
    return malformed("points must be f32 or f64");
  if (!x.ranked() || !at.ranked()) {
    c.set(0, Type::tensor(x.dtype, std::nullopt));
    return {};
  }
  TRY(c.expect_ranked(0, "x", 3));
  TRY(c.expect_ranked(1, "points", 2));
  const Dim& coordinates = at.dim(at.rank() - 1);
  if (coordinates.is_constant() && !(coordinates == Dim(x.rank() - 2)))
    return malformed("points of type " + at.to_string() + " for x of type " + x.to_string());
  DimVector shape{x.dim(0), x.dim(1)};
  shape.insert(shape.end(), at.shape->begin() + 1, at.shape->end() - 1);
  c.set(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

constinit const Primitive kSample = make_primitive<SampleAttributes, infer, reference::sample>(
    "sample", {.min_operands = 2, .max_operands = 2});

}  // namespace gossamer
