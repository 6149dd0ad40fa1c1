// Unique: sorts the slices' numbers, then numbers the groups.
#include "reference/unique.h"

#include <algorithm>

#include "reference/numbers.h"
#include "reference/strided.h"

namespace gossamer::reference {
namespace {

// n slices of `length` elements each, one after the other.
struct Slices {
  Tensor elements;
  std::int64_t n = 0, length = 1;
};

// The block that turns x's [outer, n, inner] into [n, outer, inner] or, `back`, the other way.
std::vector<StridedAxis> exchange(std::int64_t outer, std::int64_t n, std::int64_t inner,
                                  bool back) {
  std::vector<StridedAxis> axes{
      {n, inner, outer * inner}, {outer, n * inner, inner}, {inner, 1, 1}};
  if (back)
    for (StridedAxis& a : axes) std::swap(a.from, a.to);
  return axes;
}

Result<Slices> slices_of(const UniqueAttributes& a, const Tensor& x) {
  if (a.axis < 0) return Slices{x.reshaped(Shape{x.count()}), x.count(), 1};
  const Shape& s = x.shape();
  if (a.axis >= s.rank()) return malformed("axis out of range");
  const std::int64_t outer = s.count(0, a.axis);
  const std::int64_t inner = s.count(a.axis + 1, s.rank());
  Slices out{{}, s[a.axis], outer * inner};
  ASSIGN(out.elements, Tensor::make_uninitialized(x.dtype(), Shape{out.n, out.length}));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    copy_strided<T>(exchange(outer, out.n, inner, false), x.values<T>().data(),
                    out.elements.mutable_values<T>().data());
  });
  return out;
}

// Negative, zero or positive as slice i comes before, equals or comes after slice j.
template <class T>
int compare(const Slices& s, std::int64_t i, std::int64_t j) {
  const T* a = s.elements.values<T>().data() + i * s.length;
  const T* b = s.elements.values<T>().data() + j * s.length;
  for (std::int64_t k = 0; k < s.length; ++k) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (const int order = a[k].compare(b[k]); order != 0) return order;
    } else {
      if (ordered_before(load(a[k]), load(b[k]))) return -1;
      if (ordered_before(load(b[k]), load(a[k]))) return 1;
    }
  }
  return 0;
}

// What is found: slices in order, the group of each slice, and each group's first slice.
struct Groups {
  Tensor order, group, first;  // i64; first: as many as there are groups, then unused
  std::int64_t count = 0;
};

template <class T>
Status group(const Slices& s, bool sorted, Groups& g) {
  auto order = g.order.mutable_values<std::int64_t>();
  auto of = g.group.mutable_values<std::int64_t>();
  auto first = g.first.mutable_values<std::int64_t>();
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  std::sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
    const int by = compare<T>(s, i, j);
    return by != 0 ? by < 0 : i < j;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare<T>(s, order[i - 1], order[i]) != 0)
      first[static_cast<std::size_t>(g.count++)] = order[i];
    of[static_cast<std::size_t>(order[i])] = g.count - 1;
  }
  if (sorted) return {};
  // Numbers the groups anew by their first slices; `order` is free to hold the new numbers.
  auto found = first.first(static_cast<std::size_t>(g.count));
  ASSIGN(Tensor was, Tensor::make_uninitialized(DType::i64, Shape{g.count}));
  auto old = was.mutable_values<std::int64_t>();
  for (std::size_t i = 0; i < old.size(); ++i) old[i] = static_cast<std::int64_t>(i);
  std::sort(old.begin(), old.end(), [&](std::int64_t i, std::int64_t j) {
    return found[static_cast<std::size_t>(i)] < found[static_cast<std::size_t>(j)];
  });
  for (std::size_t i = 0; i < old.size(); ++i)
    order[static_cast<std::size_t>(old[i])] = static_cast<std::int64_t>(i);
  for (std::int64_t& i : of) i = order[static_cast<std::size_t>(i)];
  std::sort(found.begin(), found.end());
  return {};
}

Result<Groups> groups_of(const Slices& s, bool sorted) {
  Groups g;
  ASSIGN(g.order, Tensor::make_uninitialized(DType::i64, Shape{s.n}));
  ASSIGN(g.group, Tensor::make_uninitialized(DType::i64, Shape{s.n}));
  ASSIGN(g.first, Tensor::make_uninitialized(DType::i64, Shape{s.n}));
  const DType dtype = s.elements.dtype();
  if (dtype == DType::string) {
    TRY(group<std::string>(s, sorted, g));
  } else if (dtype == DType::boolean) {
    TRY(group<std::uint8_t>(s, sorted, g));
  } else if (is_number(dtype)) {
    TRY(visit_number(dtype,
                     [&](auto tag) { return group<typename decltype(tag)::type>(s, sorted, g); }));
  } else {
    return unsupported("an order of " + std::string(dtype_name(dtype)));
  }
  return g;
}

Status write_values(const UniqueAttributes& a, const Slices& s, const Groups& g, Context& c) {
  const Tensor& x = c.tensor(0);
  Shape shape = a.axis < 0 ? Shape{g.count} : x.shape();
  if (a.axis >= 0) shape[a.axis] = g.count;
  const std::int64_t outer = a.axis < 0 ? 1 : shape.count(0, a.axis);
  const std::int64_t inner = a.axis < 0 ? 1 : shape.count(a.axis + 1, shape.rank());
  ASSIGN(Tensor * out, c.make(0, x.dtype(), shape));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::vector<StridedAxis> block = exchange(outer, g.count, inner, true);
    block[0].extent = 1;
    for (std::int64_t i = 0; i < g.count; ++i) {
      const std::int64_t from = g.first.values<std::int64_t>()[static_cast<std::size_t>(i)];
      copy_strided<T>(block, s.elements.values<T>().data() + from * s.length,
                      out->mutable_values<T>().data() + i * inner);
    }
  });
  return {};
}

}  // namespace

Status unique(const UniqueAttributes& a, Context& c) {
  ASSIGN(Slices s, slices_of(a, c.tensor(0)));
  TRY(c.poll());
  ASSIGN(Groups g, groups_of(s, a.sorted));
  TRY(write_values(a, s, g, c));
  if (c.wanted(1)) {
    ASSIGN(Tensor * first, c.make(1, DType::i64, Shape{g.count}));
    std::copy_n(g.first.values<std::int64_t>().begin(), g.count,
                first->mutable_values<std::int64_t>().begin());
  }
  if (c.wanted(2)) c.set(2, Value(g.group));
  if (c.wanted(3)) {
    ASSIGN(Tensor * counts, c.make(3, DType::i64, Shape{g.count}));
    auto y = counts->mutable_values<std::int64_t>();
    std::fill(y.begin(), y.end(), 0);
    for (std::int64_t i : g.group.values<std::int64_t>()) ++y[static_cast<std::size_t>(i)];
  }
  return {};
}

}  // namespace gossamer::reference
