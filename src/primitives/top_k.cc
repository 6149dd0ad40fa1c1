// TopK: the axis becomes k long.
#include "reference/top_k.h"

#include "primitives/primitives.h"
#include "reference/numbers.h"

namespace gossamer {
namespace {

Status infer(const TopKAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  TRY(c.expect_dtype(1, "k", DType::i64));
  const DType dtype = c.type(0).dtype;
  if (!reference::is_number(dtype))
    return unsupported("an order of " + std::string(dtype_name(dtype)));
  if (a.axis < 0 || (c.type(0).ranked() && a.axis >= c.type(0).rank()))
    return malformed("axis out of range");
  std::optional<DimVector> shape = c.type(0).shape;
  if (shape) {
    const std::optional<DimVector> k = c.contents(1);
    Dim& n = (*shape)[static_cast<std::size_t>(a.axis)];
    if (k && k->size() != 1) return malformed("k must be one number");
    if (k && k->front().is_constant() &&
        (*k->front().constant() < 0 || (n.is_constant() && *k->front().constant() > *n.constant())))
      return malformed("k is " + k->front().to_string() + " for an axis of " + n.to_string());
    n = k ? k->front() : c.fresh();
  }
  c.set(0, Type::tensor(dtype, shape));
  c.set(1, Type::tensor(DType::i64, std::move(shape)));
  return {};
}

}  // namespace

constinit const Primitive kTopK =
    make_primitive<TopKAttributes, infer, reference::top_k>("top_k", {2, 2, 1, 2});

}  // namespace gossamer
