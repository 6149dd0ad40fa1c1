// Fold: shape rule.
#include "reference/fold.h"

#include "primitives/primitives.h"
#include "primitives/window_dims.h"

namespace gossamer {
namespace {

Result<DimVector> extents_of(const FoldAttributes& a, InferContext& c) {
  if (!c.has(1)) return DimVector(a.extents.begin(), a.extents.end());
  TRY(c.expect_dtype(1, "extents", DType::i64));
  std::optional<DimVector> known = c.contents(1);
  DimVector extents = known ? *known : c.fresh_shape(static_cast<int>(a.kernel.size()));
  return extents;
}

Status check_size(const Dim& have, const Dim& want, std::string_view what) {
  if (have.is_constant() && want.is_constant() && !(have == want))
    return malformed("x holds " + have.to_string() + " " + std::string(what) + ", not " +
                     want.to_string());
  return {};
}

Status infer(const FoldAttributes& a, InferContext& c) {
  TRY(c.expect_ranked(0, "x", 2));
  const Type& x = c.type(0);
  if (!is_arithmetic_float(x.dtype) && !is_arithmetic_integer(x.dtype))
    return malformed("cannot add " + std::string(dtype_name(x.dtype)));
  ASSIGN(const DimVector extents, extents_of(a, c));
  const DimVector kernel(a.kernel.begin(), a.kernel.end());
  ASSIGN(const DimVector windows, window_dims(a.windows(), extents, kernel));
  TRY(check_size(x.dim(x.rank() - 2), count_of(kernel), "taps"));
  TRY(check_size(x.dim(x.rank() - 1), count_of(windows), "windows"));
  DimVector shape(x.shape->begin(), x.shape->end() - 2);
  shape.insert(shape.end(), extents.begin(), extents.end());
  c.set(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

constinit const Primitive kFold = make_primitive<FoldAttributes, infer, reference::fold>(
    "fold", {.min_operands = 1, .max_operands = 2});

}  // namespace gossamer
