// Gather in its three modes, as runs of consecutive elements where there are any.
#include "reference/gather.h"

#include "reference/indices.h"

namespace gossamer::reference {
namespace {

Status take(int axis, Context& c) {
  const Tensor& x = c.tensor(0);
  const Shape& s = x.shape();
  if (axis < 0 || axis >= s.rank()) return malformed("axis out of range");
  ASSIGN(Tensor indices, wide_indices(c.tensor(1)));
  Shape shape;
  shape.dims().assign(s.begin(), s.begin() + axis);
  shape.dims().insert(shape.dims().end(), indices.shape().begin(), indices.shape().end());
  shape.dims().insert(shape.dims().end(), s.begin() + axis + 1, s.end());
  const std::int64_t n = s[axis];
  for (std::int64_t i : indices.values<std::int64_t>()) TRY(wrap_index(i, n).status());
  const std::int64_t outer = s.count(0, axis);
  const std::int64_t inner = s.count(axis + 1, s.rank());
  ASSIGN(Tensor * out, c.make(0, x.dtype(), std::move(shape)));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = x.values<T>().data();
    T* y = out->mutable_values<T>().data();
    for (std::int64_t o = 0; o < outer; ++o, from += n * inner)
      for (std::int64_t i : indices.values<std::int64_t>()) {
        std::copy_n(from + (i < 0 ? i + n : i) * inner, inner, y);
        y += inner;
      }
  });
  return {};
}

Status along(int axis, Context& c) {
  const Tensor& x = c.tensor(0);
  ASSIGN(Tensor indices, wide_indices(c.tensor(1)));
  const Shape& s = indices.shape();
  TRY(check_along(x.shape(), s, axis));
  ASSIGN(Tensor offsets, along_offsets(x.shape(), indices, axis));
  ASSIGN(Tensor * out, c.make(0, x.dtype(), s));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto from = x.values<T>();
    T* y = out->mutable_values<T>().data();
    for (std::int64_t i : offsets.values<std::int64_t>()) *y++ = from[static_cast<std::size_t>(i)];
  });
  return {};
}

Status nd(int batch, Context& c) {
  const Tensor& x = c.tensor(0);
  const Shape& s = x.shape();
  const Shape& is = c.tensor(1).shape();
  ASSIGN(int k, coordinates(s, is, batch));
  ASSIGN(Tensor offsets, slice_offsets(s, c.tensor(1), batch));
  Shape shape;
  shape.dims().assign(is.begin(), is.end() - 1);
  shape.dims().insert(shape.dims().end(), s.begin() + batch + k, s.end());
  const std::int64_t inner = s.count(batch + k, s.rank());
  ASSIGN(Tensor * out, c.make(0, x.dtype(), std::move(shape)));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* y = out->mutable_values<T>().data();
    for (std::int64_t i : offsets.values<std::int64_t>()) {
      std::copy_n(x.values<T>().data() + i, inner, y);
      y += inner;
    }
  });
  return {};
}

}  // namespace

Status gather(const GatherAttributes& a, Context& c) {
  if (a.mode == GatherMode::take) return take(a.axis, c);
  if (a.mode == GatherMode::along) return along(a.axis, c);
  return nd(a.batch, c);
}

}  // namespace gossamer::reference
