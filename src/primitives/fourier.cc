// Fourier: shape rule.
#include "reference/fourier.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Result<Dim> length_of(const FourierAttributes& a, InferContext& c) {
  const Dim& given = c.type(0).dim(a.axis);
  if (!c.has(1)) return a.inverse && a.onesided ? (given - 1) * 2 : given;
  TRY(c.expect_dtype(1, "length", DType::i64));
  const std::optional<DimVector> length = c.contents(1);
  if (!length) return c.fresh();
  if (length->size() != 1) return malformed("length must be one number");
  return (*length)[0];
}

Status infer(const FourierAttributes& a, InferContext& c) {
  TRY(c.expect_ranked(0, "x", 2));
  const Type& x = c.type(0);
  if (!is_arithmetic_float(x.dtype))
    return malformed("cannot transform " + std::string(dtype_name(x.dtype)));
  const int last = x.rank() - 1;
  const std::optional<std::int64_t> parts = x.dim(last).constant();
  if (a.axis < 0 || a.axis >= last || (parts && *parts != 1 && *parts != 2))
    return malformed("x of type " + x.to_string() + ", axis " + std::to_string(a.axis));
  ASSIGN(const Dim length, length_of(a, c));
  DimVector shape = *x.shape;
  shape[static_cast<std::size_t>(a.axis)] =
      a.onesided && !a.inverse ? floor_div(length, 2) + 1 : length;
  shape.back() = a.onesided && a.inverse ? 1 : 2;
  c.set(0, x.dtype, std::move(shape));
  return {};
}

}  // namespace

constinit const Primitive kFourier = make_primitive<FourierAttributes, infer, reference::fourier>(
    "fourier", {.min_operands = 1, .max_operands = 2});

}  // namespace gossamer
