// Normalize: keeps its operand's type; statistics have the normalized axes 1.
#include "reference/normalize.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status check_axes(const NormalizeAttributes& a, const Type& x) {
  for (std::size_t i = 0; i < a.axes.size(); ++i) {
    if (a.axes[i] < 0 || (x.ranked() && a.axes[i] >= x.rank()))
      return malformed("axis " + std::to_string(a.axes[i]) + " is out of range");
    if (i > 0 && a.axes[i] <= a.axes[i - 1]) return malformed("axes must ascend");
  }
  if (a.groups < 0 || (a.groups > 0 && !a.axes.empty()))
    return malformed("axes and groups exclude each other");
  if (a.groups == 0 || !x.ranked()) return {};
  if (x.rank() < 2) return malformed("groups need a channel axis");
  const std::optional<std::int64_t> channels = x.dim(1).constant();
  if (channels && *channels % a.groups != 0)
    return malformed(std::to_string(*channels) + " channels do not fall into " +
                     std::to_string(a.groups) + " groups");
  return {};
}

Status infer(const NormalizeAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  const Type& x = c.type(0);
  if (!is_arithmetic_float(x.dtype) || !is_arithmetic_float(a.acc))
    return malformed("normalize takes floats, got " + std::string(dtype_name(x.dtype)));
  TRY(check_axes(a, x));
  for (std::size_t i = 1; i < 3; ++i) {
    if (!c.has(i)) continue;
    const std::string_view what = i == 1 ? "scale" : "bias";
    TRY(c.expect_dtype(i, what, x.dtype));
    if (!x.ranked() || !c.type(i).ranked()) continue;
    if (c.type(i).rank() > x.rank())
      return malformed(std::string(what) + " has more axes than the input");
    TRY(broadcast(*c.type(i).shape, *x.shape).status());
  }
  c.set(0, x);
  std::optional<DimVector> statistics = x.shape;
  if (statistics) {
    for (int axis : a.axes) (*statistics)[static_cast<std::size_t>(axis)] = 1;
    if (a.groups > 0) {
      std::fill(statistics->begin() + 2, statistics->end(), Dim(1));
      (*statistics)[1] = a.groups;
    }
  }
  for (std::size_t i = 1; i < c.result_count(); ++i) c.set(i, Type::tensor(a.acc, statistics));
  return {};
}

}  // namespace

constinit const Primitive kNormalize =
    make_primitive<NormalizeAttributes, infer, reference::normalize>("normalize", {1, 3, 1, 3});

}  // namespace gossamer
