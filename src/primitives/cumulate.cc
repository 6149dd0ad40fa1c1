// Cumulate: the result is like the operand.
#include "reference/cumulate.h"

#include "primitives/primitives.h"
#include "reference/numbers.h"

namespace gossamer {
namespace {

Status infer(const CumulateAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  if (!reference::is_number(c.type(0).dtype))
    return unsupported("running totals of " + std::string(dtype_name(c.type(0).dtype)));
  if (a.axis < 0 || (c.type(0).ranked() && a.axis >= c.type(0).rank()))
    return malformed("axis out of range");
  c.set(0, c.type(0));
  return {};
}

}  // namespace

constinit const Primitive kCumulate =
    make_primitive<CumulateAttributes, infer, reference::cumulate>("cumulate", {1, 1, 1, 1});

}  // namespace gossamer
