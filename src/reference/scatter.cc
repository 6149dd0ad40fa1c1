// Scatter: a copy of the data, then one update after the other.
#include "reference/scatter.h"

#include "reference/indices.h"
#include "reference/numbers.h"

namespace gossamer::reference {
namespace {

// Where updates go: runs of `inner` elements at `offsets`.
struct Places {
  Tensor offsets;
  std::int64_t inner = 1;
};

Result<Places> places(const ScatterAttributes& a, const Context& c) {
  const Shape& s = c.tensor(0).shape();
  const Shape& us = c.tensor(2).shape();
  Places p;
  if (a.mode == ScatterMode::along) {
    ASSIGN(Tensor indices, wide_indices(c.tensor(1)));
    TRY(check_along(s, indices.shape(), a.axis));
    if (us != indices.shape())
      return malformed("updates " + us.to_string() + " differ from indices " +
                       indices.shape().to_string());
    ASSIGN(p.offsets, along_offsets(s, indices, a.axis));
    return p;
  }
  const Shape& is = c.tensor(1).shape();
  ASSIGN(int k, coordinates(s, is, 0));
  Shape wanted;
  wanted.dims().assign(is.begin(), is.end() - 1);
  wanted.dims().insert(wanted.dims().end(), s.begin() + k, s.end());
  if (us != wanted)
    return malformed("updates are " + us.to_string() + ", but indices and data ask for " +
                     wanted.to_string());
  p.inner = s.count(k, s.rank());
  ASSIGN(p.offsets, slice_offsets(s, c.tensor(1), 0));
  return p;
}

template <class T, class F>
void combine(const Places& p, const Tensor& updates, Tensor& out, F f) {
  const T* u = updates.values<T>().data();
  for (std::int64_t offset : p.offsets.values<std::int64_t>()) {
    T* y = out.mutable_values<T>().data() + offset;
    for (std::int64_t i = 0; i < p.inner; ++i) y[i] = f(y[i], *u++);
  }
}

template <class T>
void combine_numbers(ScatterCombine how, const Places& p, const Tensor& updates, Tensor& out) {
  using C = Computed<T>;
  auto run = [&](C (*f)(C, C)) {
    combine<T>(p, updates, out, [f](T a, T b) { return store<T>(f(load(a), load(b))); });
  };
  if (how == ScatterCombine::add) run(sum_of<C>);
  if (how == ScatterCombine::mul) run(product_of<C>);
  if (how == ScatterCombine::max) run(larger_of<C>);
  if (how == ScatterCombine::min) run(smaller_of<C>);
}

}  // namespace

Status scatter(const ScatterAttributes& a, Context& c) {
  const Tensor& data = c.tensor(0);
  const Tensor& updates = c.tensor(2);
  const DType dtype = data.dtype();
  if (updates.dtype() != dtype) return malformed("updates and data differ in element type");
  ASSIGN(Places p, places(a, c));
  ASSIGN(Tensor * out, c.make(0, dtype, data.shape()));
  visit_storage(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto x = data.values<T>();
    std::copy(x.begin(), x.end(), out->mutable_values<T>().begin());
    if (a.combine == ScatterCombine::none)
      combine<T>(p, updates, *out, [](const T&, const T& u) { return u; });
  });
  if (a.combine == ScatterCombine::none) return {};
  if (dtype == DType::boolean) {
    const bool either = a.combine == ScatterCombine::add || a.combine == ScatterCombine::max;
    combine<bool>(p, updates, *out, [either](bool x, bool u) { return either ? x || u : x && u; });
    return {};
  }
  if (!is_number(dtype))
    return unsupported("combining updates of type " + std::string(dtype_name(dtype)));
  visit_number(dtype, [&](auto tag) {
    combine_numbers<typename decltype(tag)::type>(a.combine, p, updates, *out);
  });
  return {};
}

}  // namespace gossamer::reference
