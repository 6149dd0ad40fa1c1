// Reduce: shape rule; sums, products and extremes of small known integers are shape arithmetic too.
#include "reference/reduce.h"

#include <algorithm>
#include <functional>

#include "primitives/primitives.h"

namespace gossamer {
namespace {

// The reduction of a whole known vector, as exporters form element counts.
std::optional<Dim> reduce_contents(ReduceOp op, const DimVector& v) {
  if (v.empty()) return std::nullopt;
  Dim r = v[0];
  for (std::size_t i = 1; i < v.size(); ++i) {
    switch (op) {
      case ReduceOp::sum:
        r = r + v[i];
        break;
      case ReduceOp::prod:
        r = r * v[i];
        break;
      case ReduceOp::max:
        r = max(r, v[i]);
        break;
      case ReduceOp::min:
        r = min(r, v[i]);
        break;
      default:
        return std::nullopt;
    }
  }
  return op == ReduceOp::mean || op == ReduceOp::logsumexp ? std::nullopt : std::optional<Dim>(r);
}

Status infer(const ReduceAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  const Type& x = c.type(0);
  const bool extreme = a.op == ReduceOp::max || a.op == ReduceOp::min;
  if (!is_arithmetic_float(x.dtype) && !is_arithmetic_integer(x.dtype) &&
      !(extreme && x.dtype == DType::boolean))
    return malformed("cannot reduce " + std::string(dtype_name(x.dtype)));
  if (!x.ranked()) {
    c.set(0, Type::tensor(x.dtype, std::optional<DimVector>()));
    return {};
  }
  for (int axis : a.axes)
    if (axis < 0 || axis >= x.rank())
      return malformed("axis " + std::to_string(axis) + " is out of range");
  if (std::adjacent_find(a.axes.begin(), a.axes.end(), std::greater_equal<>()) != a.axes.end())
    return malformed("axes must ascend");
  DimVector shape;
  for (int d = 0; d < x.rank(); ++d) {
    if (std::find(a.axes.begin(), a.axes.end(), d) == a.axes.end())
      shape.push_back(x.dim(d));
    else if (a.keep)
      shape.emplace_back(1);
  }
  c.set(0, x.dtype, std::move(shape));
  const std::optional<DimVector> contents = c.contents(0);
  if (contents && x.rank() == 1 && a.axes.size() == 1)
    if (std::optional<Dim> r = reduce_contents(a.op, *contents)) c.set_contents(0, {*r});
  return {};
}

}  // namespace

constinit const Primitive kReduce =
    make_primitive<ReduceAttributes, infer, reference::reduce>("reduce", {});

}  // namespace gossamer
