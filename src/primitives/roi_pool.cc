// RoiPool: shape rule.
#include "reference/roi_pool.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const RoiPoolAttributes& a, InferContext& c) {
  TRY(c.expect_ranked(0, "x", 4, 4));
  TRY(c.expect_ranked(1, "regions", 2, 2));
  TRY(c.expect_ranked(2, "batch", 1, 1));
  const Type& x = c.type(0);
  if (!is_arithmetic_float(x.dtype)) return malformed("x must hold floats");
  TRY(c.expect_dtype(1, "regions", x.dtype));
  TRY(c.expect_dtype(2, "batch", DType::i64));
  if (a.height < 1 || a.width < 1 || a.sampling < 0 || a.sampling > 1 << 14)
    return malformed("a result of " + std::to_string(a.height) + " by " + std::to_string(a.width) +
                     " with " + std::to_string(a.sampling) + " samples");
  c.set(0, x.dtype, {c.type(2).dim(0), x.dim(1), a.height, a.width});
  return {};
}

}  // namespace

constinit const Primitive kRoiPool = make_primitive<RoiPoolAttributes, infer, reference::roi_pool>(
    "roi_pool", {.min_operands = 3, .max_operands = 3});

}  // namespace gossamer
