// Softmax: keeps its operand's type.
#include "reference/softmax.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const SoftmaxAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  const Type& x = c.type(0);
  if (!is_arithmetic_float(x.dtype))
    return malformed("softmax takes floats, got " + std::string(dtype_name(x.dtype)));
  if (x.ranked() && (a.axis < 0 || a.axis >= x.rank()))
    return malformed("axis " + std::to_string(a.axis) + " is out of range");
  c.set(0, x);
  return {};
}

}  // namespace

constinit const Primitive kSoftmax =
    make_primitive<SoftmaxAttributes, infer, reference::softmax>("softmax", {});

}  // namespace gossamer
