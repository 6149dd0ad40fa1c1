// ArgReduce: the axis goes, or stays with extent 1.
#include "reference/arg_reduce.h"

#include "primitives/primitives.h"
#include "reference/numbers.h"

namespace gossamer {
namespace {

Status infer(const ArgReduceAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  if (!reference::is_number(c.type(0).dtype))
    return unsupported("an order of " + std::string(dtype_name(c.type(0).dtype)));
  if (a.axis < 0 || (c.type(0).ranked() && a.axis >= c.type(0).rank()))
    return malformed("axis out of range");
  std::optional<DimVector> shape = c.type(0).shape;
  if (shape && a.keep) (*shape)[static_cast<std::size_t>(a.axis)] = Dim(1);
  if (shape && !a.keep) shape->erase(shape->begin() + a.axis);
  c.set(0, Type::tensor(DType::i64, std::move(shape)));
  return {};
}

}  // namespace

constinit const Primitive kArgReduce =
    make_primitive<ArgReduceAttributes, infer, reference::arg_reduce>("arg_reduce", {1, 1, 1, 1});

}  // namespace gossamer
