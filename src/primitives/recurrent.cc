// Recurrent: shape rule and products of one layer.
#include "reference/recurrent.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status check_attributes(const RecurrentAttributes& a) {
  const auto functions = static_cast<std::size_t>(a.directions() * a.functions());
  if (a.activations.size() != functions || a.alpha.size() != functions ||
      a.beta.size() != functions)
    return malformed("expected " + std::to_string(functions) +
                     " activations with as many alphas and betas");
  if (!(a.clip >= 0)) return malformed("clip must not be negative");
  return {};
}

// Operand i, if there, has these extents as far as they are numbers.
Status expect_extents(const InferContext& c, std::size_t i, std::string_view what,
                      const DimVector& dims) {
  if (!c.has(i)) return {};
  const auto rank = static_cast<int>(dims.size());
  TRY(c.expect_ranked(i, what, rank, rank));
  for (int d = 0; d < rank; ++d) {
    const std::optional<std::int64_t> want = dims[static_cast<std::size_t>(d)].constant();
    const std::optional<std::int64_t> got = c.type(i).dim(d).constant();
    if (want && got && *want != *got)
      return malformed(std::string(what) + ": axis " + std::to_string(d) + " is " +
                       std::to_string(*got) + ", expected " + std::to_string(*want));
  }
  return {};
}

Status infer(const RecurrentAttributes& a, InferContext& c) {
  TRY(check_attributes(a));
  TRY(c.expect_ranked(0, "input", 3, 3));
  TRY(c.expect_ranked(1, "weights", 3, 3));
  TRY(c.expect_ranked(2, "recurrence weights", 3, 3));
  const Type& x = c.type(0);
  if (!is_arithmetic_float(x.dtype))
    return malformed("recurrent takes floats, got " + std::string(dtype_name(x.dtype)));
  for (std::size_t i = 1; i < c.operand_count(); ++i) {
    if (!c.has(i)) continue;
    if (i != 4)
      TRY(c.expect_dtype(i, "operand " + std::to_string(i), x.dtype));
    else if (c.type(i).dtype != DType::i32 && c.type(i).dtype != DType::i64)
      return malformed("lengths must be i32 or i64");
  }
  const Dim d = a.directions(), hidden = c.type(2).dim(2), columns = hidden * Dim(a.gates());
  const DimVector state = {d, x.dim(1), hidden};
  TRY(expect_extents(c, 1, "weights", {d, columns, x.dim(2)}));
  TRY(expect_extents(c, 2, "recurrence weights", {d, columns, hidden}));
  TRY(expect_extents(c, 3, "bias", {d, columns * Dim(2)}));
  TRY(expect_extents(c, 4, "lengths", {x.dim(1)}));
  TRY(expect_extents(c, 5, "initial state", state));
  TRY(expect_extents(c, 6, "initial cell", state));
  TRY(expect_extents(c, 7, "peepholes", {d, hidden * Dim(3)}));
  c.set(0, x.dtype, {x.dim(0), d, x.dim(1), hidden});
  for (std::size_t i = 1; i < c.result_count(); ++i) c.set(i, x.dtype, state);
  return {};
}

Dim macs(const RecurrentAttributes& a, const InferContext& c) {
  const Type& x = c.type(0);
  const Dim hidden = c.type(2).dim(2);
  return x.dim(0) * x.dim(1) * Dim(a.directions() * a.gates()) * hidden * (x.dim(2) + hidden);
}

}  // namespace

constinit const Primitive kRecurrent =
    make_primitive<RecurrentAttributes, infer, reference::recurrent, macs>("recurrent",
                                                                           {3, 8, 1, 3});

}  // namespace gossamer
