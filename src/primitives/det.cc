// Det: the last two axes go.
#include "reference/det.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const DetAttributes&, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  if (!is_arithmetic_float(c.type(0).dtype)) return malformed("determinants take floats");
  std::optional<DimVector> shape = c.type(0).shape;
  if (shape) {
    TRY(c.expect_ranked(0, "input", 2));
    shape->resize(shape->size() - 2);
  }
  c.set(0, Type::tensor(c.type(0).dtype, std::move(shape)));
  return {};
}

// A third of n^3 for each matrix.
Dim macs(const DetAttributes&, const InferContext& c) {
  if (!c.type(0).ranked() || c.type(0).rank() < 2) return 0;
  return floor_div(c.type(0).element_count() * c.type(0).dim(c.type(0).rank() - 1), Dim(3));
}

}  // namespace

constinit const Primitive kDet =
    make_primitive<DetAttributes, infer, reference::det, macs>("det", {1, 1, 1, 1});

}  // namespace gossamer
