// Random: uniform or normal numbers of a given shape.
#include "reference/random.h"

#include "primitives/primitives.h"
#include "primitives/symbolic.h"

namespace gossamer {
namespace {

Status infer(const RandomAttributes& a, InferContext& c) {
  if (a.dtype != DType::f32 && a.dtype != DType::f64)
    return malformed("random numbers are f32 or f64");
  ASSIGN(std::optional<DimVector> shape, shape_from_extent(c, 0));
  c.set(0, Type::tensor(a.dtype, std::move(shape)));
  return {};
}

}  // namespace

constinit const Primitive kRandom = make_primitive<RandomAttributes, infer, reference::random>(
    "random", {.min_operands = 1, .max_operands = 1}, kVaries | kOpaque);

}  // namespace gossamer
