// Gather: shape rules of its modes; shape arithmetic passes through picks from a vector.
#include "reference/gather.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status check_indices(const InferContext& c) {
  TRY(c.expect_tensor(1, "indices"));
  const DType d = c.type(1).dtype;
  if (d == DType::i32 || d == DType::i64) return {};
  return malformed("indices must be i32 or i64, but are " + c.type(1).to_string());
}

void take_contents(InferContext& c) {
  if (c.type(0).rank() != 1) return;
  const std::optional<DimVector> x = c.contents(0);
  const std::optional<DimVector> indices = c.contents(1);
  if (!x || !indices) return;
  DimVector out;
  for (const Dim& i : *indices) {
    const std::optional<std::int64_t> at = i.constant();
    const auto n = static_cast<std::int64_t>(x->size());
    if (!at || *at < -n || *at >= n) return;
    out.push_back((*x)[static_cast<std::size_t>(*at < 0 ? *at + n : *at)]);
  }
  c.set_contents(0, std::move(out));
}

Status infer_take(int axis, InferContext& c) {
  if (axis < 0) return malformed("axis out of range");
  if (!c.type(0).ranked() || !c.type(1).ranked()) {
    c.set(0, Type::tensor(c.type(0).dtype, std::nullopt));
    return {};
  }
  const DimVector& s = *c.type(0).shape;
  if (axis >= c.type(0).rank()) return malformed("axis out of range");
  DimVector out(s.begin(), s.begin() + axis);
  out.insert(out.end(), c.type(1).shape->begin(), c.type(1).shape->end());
  out.insert(out.end(), s.begin() + axis + 1, s.end());
  c.set(0, c.type(0).dtype, std::move(out));
  take_contents(c);
  return {};
}

Status infer_along(int axis, InferContext& c) {
  if (axis < 0) return malformed("axis out of range");
  const bool both = c.type(0).ranked() && c.type(1).ranked();
  if (both && (c.type(0).rank() != c.type(1).rank() || axis >= c.type(0).rank()))
    return malformed("indices " + c.type(1).to_string() + " do not fit " + c.type(0).to_string());
  c.set(0, Type::tensor(c.type(0).dtype, c.type(1).shape));
  return {};
}

Status infer_nd(int batch, InferContext& c) {
  if (batch < 0) return malformed("a negative number of batch axes");
  if (!c.type(0).ranked() || !c.type(1).ranked()) {
    c.set(0, Type::tensor(c.type(0).dtype, std::nullopt));
    return {};
  }
  const DimVector& s = *c.type(0).shape;
  const DimVector& is = *c.type(1).shape;
  const auto b = static_cast<std::size_t>(batch);
  if (is.size() <= b || s.size() < b) return malformed("fewer axes than batch axes");
  const std::optional<std::int64_t> k = is.back().constant();
  if (!k) {
    c.set(0, Type::tensor(c.type(0).dtype, std::nullopt));
    return {};
  }
  if (*k < 0 || static_cast<std::size_t>(*k) > s.size() - b)
    return malformed("indices have " + std::to_string(*k) + " coordinates for " +
                     c.type(0).to_string());
  DimVector out(is.begin(), is.end() - 1);
  out.insert(out.end(), s.begin() + batch + *k, s.end());
  c.set(0, c.type(0).dtype, std::move(out));
  return {};
}

Status infer(const GatherAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "data"));
  TRY(check_indices(c));
  if (a.mode == GatherMode::take) return infer_take(a.axis, c);
  if (a.mode == GatherMode::along) return infer_along(a.axis, c);
  return infer_nd(a.batch, c);
}

}  // namespace

constinit const Primitive kGather =
    make_primitive<GatherAttributes, infer, reference::gather>("gather", {2, 2, 1, 1}, kMovement);

}  // namespace gossamer
