// Pool: shape rule and cost.
#include "reference/pool.h"

#include "primitives/primitives.h"
#include "primitives/window_dims.h"

namespace gossamer {
namespace {

Status infer(const PoolAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "x"));
  const Type& x = c.type(0);
  if (a.axes.size() != a.kernel.size()) return malformed("axes and kernel differ in length");
  const bool numbers = is_arithmetic_float(x.dtype) || is_arithmetic_integer(x.dtype);
  if (!(a.op == PoolOp::max ? numbers : is_arithmetic_float(x.dtype)))
    return malformed("cannot pool " + std::string(dtype_name(x.dtype)));
  if (c.result_count() > 1 && a.op != PoolOp::max) return malformed("only max gives an index");
  if (!x.ranked()) {
    c.set(0, Type::tensor(x.dtype, std::nullopt));
    c.set(1, Type::tensor(DType::i64, std::nullopt));
    return {};
  }
  DimVector input;
  int previous = -1;
  for (int axis : a.axes) {
    if (axis <= previous || axis >= x.rank())
      return malformed("axes do not ascend within rank " + std::to_string(x.rank()));
    previous = axis;
    input.push_back(x.dim(axis));
  }
  const DimVector kernel(a.kernel.begin(), a.kernel.end());
  ASSIGN(DimVector pooled, window_dims(a.windows(), input, kernel));
  DimVector shape = *x.shape;
  for (std::size_t i = 0; i < pooled.size(); ++i)
    shape[static_cast<std::size_t>(a.axes[i])] = pooled[i];
  c.set(0, x.dtype, shape);
  c.set(1, DType::i64, std::move(shape));
  return {};
}

}  // namespace

constinit const Primitive kPool = make_primitive<PoolAttributes, infer, reference::pool>(
    "pool", {.min_results = 1, .max_results = 2});

}  // namespace gossamer
