// Pointwise: one elementwise program. Its shape rule broadcasts, and runs programs over the small
// integer tensors of shape arithmetic element by element on numbers and symbols.
#include "reference/pointwise.h"

#include "primitives/primitives.h"
#include "primitives/symbolic.h"

namespace gossamer {
namespace {

// The result's shape; nothing: unknown rank.
Result<std::optional<DimVector>> broadcast_shape(const PointwiseAttributes& a, InferContext& c) {
  const std::size_t inputs = a.program.inputs.size();
  std::optional<DimVector> shape = DimVector{};
  for (std::size_t i = 0; i < inputs; ++i) {
    TRY(c.expect_dtype(i, "operand", a.program.inputs[i]));
    if (!c.type(i).shape) shape = std::nullopt;
    if (!shape) continue;
    ASSIGN(shape, broadcast(*shape, *c.type(i).shape));
  }
  if (!a.has_extent) return shape;
  ASSIGN(std::optional<DimVector> extent, shape_from_extent(c, inputs));
  if (!shape || !extent) return std::optional<DimVector>();
  ASSIGN(shape, broadcast(*shape, *extent));
  return shape;
}

Status infer(const PointwiseAttributes& a, InferContext& c) {
  const PointwiseProgram& p = a.program;
  TRY(validate(p));
  if (c.operand_count() != p.inputs.size() + (a.has_extent ? 1 : 0))
    return malformed("its program reads " + std::to_string(p.inputs.size()) +
                     " operands, there are " + std::to_string(c.operand_count()));
  if (c.result_count() != p.results.size())
    return malformed("its program gives " + std::to_string(p.results.size()) + " results");
  for (std::size_t i = 0; i < c.operand_count(); ++i) TRY(c.expect_tensor(i, "operand"));
  ASSIGN(std::optional<DimVector> shape, broadcast_shape(a, c));
  if (shape)
    for (const Instruction& in : p.instructions)
      if ((in.op == PointwiseOp::index || in.op == PointwiseOp::extent) &&
          in.axis >= static_cast<int>(shape->size()))
        return malformed("program asks for axis " + std::to_string(in.axis) +
                         " of a result of rank " + std::to_string(shape->size()));
  for (std::size_t i = 0; i < p.results.size(); ++i)
    c.set(i, Type::tensor(p.dtype_of(p.results[i]), shape));
  if (shape) propagate_contents(p, *shape, c);
  return {};
}

}  // namespace

constinit const Primitive kPointwise =
    make_primitive<PointwiseAttributes, infer, reference::pointwise>("pointwise",
                                                                     {.min_operands = 0,
                                                                      .max_operands = kAnyNumber,
                                                                      .min_results = 1,
                                                                      .max_results = kAnyNumber},
                                                                     kElementwise);

}  // namespace gossamer
