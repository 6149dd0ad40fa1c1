// NonMaxSuppression: shape rule; how many boxes remain only running tells.
#include "reference/non_max_suppression.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const NonMaxSuppressionAttributes&, InferContext& c) {
  TRY(c.expect_dtype(0, "boxes", DType::f32));
  TRY(c.expect_dtype(1, "scores", DType::f32));
  if (c.has(2)) TRY(c.expect_dtype(2, "max", DType::i64));
  if (c.has(3)) TRY(c.expect_dtype(3, "iou", DType::f32));
  if (c.has(4)) TRY(c.expect_dtype(4, "score", DType::f32));
  c.set(0, DType::i64, {c.fresh(), 3});
  return {};
}

}  // namespace

constinit const Primitive kNonMaxSuppression =
    make_primitive<NonMaxSuppressionAttributes, infer, reference::non_max_suppression>(
        "non_max_suppression", {.min_operands = 2, .max_operands = 5}, kLateExtents);

}  // namespace gossamer
