// Resize: shape rule. Scales that are whole numbers or the inverse of one keep symbols.
#include "reference/resize.h"

#include <cmath>

#include "primitives/primitives.h"
#include "primitives/window_dims.h"

namespace gossamer {
namespace {

Result<Dim> scaled_dim(const Dim& input, float scale, InferContext& c) {
  if (input.is_constant()) {
    ASSIGN(const std::int64_t extent, scaled_extent(*input.constant(), scale));
    return Dim(extent);
  }
  if (scale >= 1 && scale < 0x1p20F && std::floor(scale) == scale)
    return input * static_cast<std::int64_t>(scale);
  const float inverse = 1 / scale;
  const bool exact =
      inverse >= 1 && inverse < 0x1p20F && std::exp2(std::floor(std::log2(inverse))) == inverse;
  if (exact) return floor_div(input, static_cast<std::int64_t>(inverse));
  return c.fresh();
}

Result<DimVector> from_scales(const DimVector& input, InferContext& c) {
  TRY(c.expect_dtype(1, "scales", DType::f32));
  const Tensor* scales = c.constant(1);
  if (!scales) return c.fresh_shape(static_cast<int>(input.size()));
  auto values = scales->values<float>();
  if (values.size() != input.size())
    return malformed(std::to_string(values.size()) + " scales for " + std::to_string(input.size()) +
                     " axes");
  DimVector dims;
  for (std::size_t i = 0; i < input.size(); ++i) {
    ASSIGN(Dim d, scaled_dim(input[i], values[i], c));
    dims.push_back(std::move(d));
  }
  return dims;
}

Result<DimVector> from_sizes(const ResizeAttributes& a, const DimVector& input, InferContext& c) {
  TRY(c.expect_dtype(2, "sizes", DType::i64));
  const std::optional<DimVector> sizes = c.contents(2);
  if (!sizes) return c.fresh_shape(static_cast<int>(input.size()));
  if (sizes->size() != input.size())
    return malformed(std::to_string(sizes->size()) + " sizes for " + std::to_string(input.size()) +
                     " axes");
  const auto numbers = constants_of(*sizes), extents = constants_of(input);
  if (!numbers || !extents) {
    if (a.policy == ResizePolicy::stretch) return *sizes;
    return c.fresh_shape(static_cast<int>(input.size()));
  }
  ASSIGN(const std::vector<ResizeAxis> axes, axes_of_sizes(*extents, *numbers, a.policy));
  DimVector dims;
  for (const ResizeAxis& axis : axes) dims.emplace_back(axis.output);
  return dims;
}

Status infer(const ResizeAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "x"));
  const Type& x = c.type(0);
  const bool numbers = is_arithmetic_float(x.dtype) || is_arithmetic_integer(x.dtype);
  if (a.mode != ResizeMode::nearest && !numbers)
    return malformed("cannot interpolate " + std::string(dtype_name(x.dtype)));
  if (a.coordinate == ResizeCoordinate::tf_crop_and_resize && !c.has(3))
    return malformed("tf_crop_and_resize needs a region of interest");
  if (c.has(3) && !is_arithmetic_float(c.type(3).dtype))
    return malformed("a region of interest that is no float");
  if (c.has(1) == c.has(2)) return malformed("needs either scales or sizes");
  TRY(c.expect_ranked(0, "x"));
  DimVector input;
  std::vector<bool> seen(static_cast<std::size_t>(x.rank()), false);
  for (int axis : a.axes) {
    if (axis < 0 || axis >= x.rank() || seen[static_cast<std::size_t>(axis)])
      return malformed("axes do not fit rank " + std::to_string(x.rank()));
    seen[static_cast<std::size_t>(axis)] = true;
    input.push_back(x.dim(axis));
  }
  ASSIGN(const DimVector dims, c.has(1) ? from_scales(input, c) : from_sizes(a, input, c));
  DimVector shape = *x.shape;
  for (std::size_t i = 0; i < dims.size(); ++i)
    shape[static_cast<std::size_t>(a.axes[i])] = dims[i];
  c.set(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

constinit const Primitive kResize = make_primitive<ResizeAttributes, infer, reference::resize>(
    "resize", {.min_operands = 1, .max_operands = 4});

}  // namespace gossamer
