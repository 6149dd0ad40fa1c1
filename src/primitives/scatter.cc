// Scatter: the result is like the data.
#include "reference/scatter.h"

#include "primitives/primitives.h"
#include "reference/numbers.h"

namespace gossamer {
namespace {

Status infer(const ScatterAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "data"));
  TRY(c.expect_tensor(1, "indices"));
  const DType dtype = c.type(0).dtype;
  TRY(c.expect_dtype(2, "updates", dtype));
  const DType i = c.type(1).dtype;
  if (i != DType::i32 && i != DType::i64)
    return malformed("indices must be i32 or i64, but are " + c.type(1).to_string());
  if (a.combine != ScatterCombine::none && dtype != DType::boolean && !reference::is_number(dtype))
    return unsupported("combining updates of type " + std::string(dtype_name(dtype)));
  if (a.axis < 0 ||
      (a.mode == ScatterMode::along && c.type(0).ranked() && a.axis >= c.type(0).rank()))
    return malformed("axis out of range");
  c.set(0, c.type(0));
  return {};
}

}  // namespace

constinit const Primitive kScatter =
    make_primitive<ScatterAttributes, infer, reference::scatter>("scatter", {3, 3, 1, 1});

}  // namespace gossamer
