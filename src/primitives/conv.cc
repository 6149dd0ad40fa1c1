// Conv: shape rule and cost.
#include "reference/conv.h"

#include "primitives/primitives.h"
#include "primitives/window_dims.h"
#include "reference/accumulate.h"

namespace gossamer {
namespace {

Status check_channels(const ConvAttributes& a, const Type& x, const Type& w) {
  if (a.group < 1) return malformed("group is " + std::to_string(a.group));
  const auto in = x.dim(1).constant(), in_group = w.dim(1).constant(), out = w.dim(0).constant();
  const bool in_fits = !in || (*in % a.group == 0 && (!in_group || *in / a.group == *in_group));
  if (!in_fits || (out && *out % a.group != 0))
    return malformed("w of type " + w.to_string() + " does not fit x of type " + x.to_string() +
                     " in " + std::to_string(a.group) + " groups");
  return {};
}

Status infer(const ConvAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "x"));
  TRY(c.expect_tensor(1, "w"));
  const Type &x = c.type(0), &w = c.type(1);
  for (std::size_t i : {std::size_t{0}, std::size_t{1}})
    if (c.has(i + 2)) TRY(c.expect_dtype(i + 2, i == 0 ? "x_zero" : "w_zero", c.type(i).dtype));
  ASSIGN(const DType dtype, reference::product_dtype(x.dtype, w.dtype, a.wide));
  if ((c.has(2) || c.has(3)) && dtype != DType::i32) return malformed("zero points on floats");
  if (!x.ranked() || !w.ranked()) {
    c.set(0, Type::tensor(dtype, std::nullopt));
    return {};
  }
  TRY(c.expect_ranked(0, "x", 3));
  TRY(c.expect_ranked(1, "w", x.rank(), x.rank()));
  TRY(check_channels(a, x, w));
  ASSIGN(DimVector spatial,
         window_dims(a.windows(), std::span(*x.shape).subspan(2), std::span(*w.shape).subspan(2)));
  DimVector shape{x.dim(0), w.dim(0)};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  c.set(0, dtype, std::move(shape));
  return {};
}

// Every output sums over the channels of its group and the taps.
Dim macs(const ConvAttributes&, const InferContext& c) {
  if (!c.result(0).ranked() || !c.type(1).ranked()) return 0;
  Dim n = c.result(0).element_count();
  for (int i = 1; i < c.type(1).rank(); ++i) n = n * c.type(1).dim(i);
  return n;
}

}  // namespace

constinit const Primitive kConv = make_primitive<ConvAttributes, infer, reference::conv, macs>(
    "conv", {.min_operands = 2, .max_operands = 4});

}  // namespace gossamer
