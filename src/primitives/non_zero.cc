// NonZero: how many there are only running can tell.
#include "reference/non_zero.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const NonZeroAttributes&, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  const Dim rank = c.type(0).ranked() ? Dim(c.type(0).rank()) : c.fresh();
  c.set(0, DType::i64, DimVector{rank, c.fresh()});
  return {};
}

}  // namespace

constinit const Primitive kNonZero = make_primitive<NonZeroAttributes, infer, reference::non_zero>(
    "non_zero", {1, 1, 1, 1}, kLateExtents);

}  // namespace gossamer
