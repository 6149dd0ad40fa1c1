// ConvTranspose: shape rule and cost.
#include "reference/conv_transpose.h"

#include "primitives/primitives.h"
#include "primitives/window_dims.h"
#include "reference/accumulate.h"

namespace gossamer {
namespace {

Status infer(const ConvTransposeAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "x"));
  TRY(c.expect_tensor(1, "w"));
  const Type &x = c.type(0), &w = c.type(1);
  if (a.group < 1) return malformed("group is " + std::to_string(a.group));
  ASSIGN(const DType dtype, reference::product_dtype(x.dtype, w.dtype, a.wide));
  if (!x.ranked() || !w.ranked()) {
    c.set(0, Type::tensor(dtype, std::nullopt));
    return {};
  }
  TRY(c.expect_ranked(0, "x", 3));
  TRY(c.expect_ranked(1, "w", x.rank(), x.rank()));
  const auto in = x.dim(1).constant(), rows = w.dim(0).constant();
  if ((in && *in % a.group != 0) || (in && rows && *in != *rows))
    return malformed("w of type " + w.to_string() + " does not fit x of type " + x.to_string() +
                     " in " + std::to_string(a.group) + " groups");
  ASSIGN(DimVector spatial,
         transposed_dims(a.windows(), a.output_padding, a.extents, std::span(*x.shape).subspan(2),
                         std::span(*w.shape).subspan(2)));
  DimVector shape{x.dim(0), w.dim(1) * a.group};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  c.set(0, dtype, std::move(shape));
  return {};
}

// Every input is multiplied by all taps and output channels of its group.
Dim macs(const ConvTransposeAttributes&, const InferContext& c) {
  if (!c.type(0).ranked() || !c.type(1).ranked()) return 0;
  Dim n = c.type(0).element_count();
  for (int i = 1; i < c.type(1).rank(); ++i) n = n * c.type(1).dim(i);
  return n;
}

}  // namespace

constinit const Primitive kConvTranspose =
    make_primitive<ConvTransposeAttributes, infer, reference::conv_transpose, macs>(
        "conv_transpose", {.min_operands = 2, .max_operands = 2});

}  // namespace gossamer
