// Unique: how many distinct ones there are only running can tell.
#include "reference/unique.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const UniqueAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  const Dim count = c.fresh();
  std::optional<DimVector> shape = DimVector{count};
  Dim n = c.type(0).ranked() ? c.type(0).element_count() : c.fresh();
  if (a.axis >= 0) {
    shape = c.type(0).shape;
    if (shape) {
      if (a.axis >= c.type(0).rank()) return malformed("axis out of range");
      Dim& extent = (*shape)[static_cast<std::size_t>(a.axis)];
      n = extent;
      extent = count;
    }
  }
  c.set(0, Type::tensor(c.type(0).dtype, std::move(shape)));
  c.set(1, DType::i64, DimVector{count});
  c.set(2, DType::i64, DimVector{n});
  c.set(3, DType::i64, DimVector{count});
  return {};
}

}  // namespace

constinit const Primitive kUnique = make_primitive<UniqueAttributes, infer, reference::unique>(
    "unique", {1, 1, 1, 4}, kLateExtents);

}  // namespace gossamer
