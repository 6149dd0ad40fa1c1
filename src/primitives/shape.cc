// Shape: where shape arithmetic starts; its contents are the operand's extents.
#include "reference/shape.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const ShapeAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  if (!c.type(0).ranked()) {
    c.set(0, DType::i64, DimVector{c.fresh()});
    return {};
  }
  const DimVector& s = *c.type(0).shape;
  const AxisRange range = selected_axes(a, c.type(0).rank());
  c.set(0, DType::i64, DimVector{Dim(range.last - range.first)});
  c.set_contents(0, DimVector(s.begin() + range.first, s.begin() + range.last));
  return {};
}

}  // namespace

constinit const Primitive kShape =
    make_primitive<ShapeAttributes, infer, reference::shape>("shape", {1, 1, 1, 1});

}  // namespace gossamer
