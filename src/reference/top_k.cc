// TopK by a partial sort of each line's indices.
#include "reference/top_k.h"

#include <algorithm>

#include "reference/numbers.h"

namespace gossamer::reference {
namespace {

struct Line {
  std::int64_t n, k, stride;  // elements of the line, how many are wanted, distance between them
};

// Fills `order` with 0 .. n-1, the k that are wanted in front and in order.
template <class T>
void select(const Line& line, bool largest, const T* x, std::span<std::int64_t> order) {
  for (std::int64_t i = 0; i < line.n; ++i) order[static_cast<std::size_t>(i)] = i;
  std::partial_sort(order.begin(), order.begin() + line.k, order.end(),
                    [&](std::int64_t i, std::int64_t j) {
                      const auto a = load(x[i * line.stride]);
                      const auto b = load(x[j * line.stride]);
                      if (largest ? ordered_before(b, a) : ordered_before(a, b)) return true;
                      if (largest ? ordered_before(a, b) : ordered_before(b, a)) return false;
                      return i < j;
                    });
}

}  // namespace

Status top_k(const TopKAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  const Shape& s = x.shape();
  if (a.axis < 0 || a.axis >= s.rank()) return malformed("axis out of range");
  if (!is_number(x.dtype()))
    return unsupported("an order of " + std::string(dtype_name(x.dtype())));
  if (c.tensor(1).dtype() != DType::i64 || c.tensor(1).count() != 1)
    return malformed("k must be one i64");
  const Line line{s[a.axis], c.tensor(1).values<std::int64_t>()[0], s.count(a.axis + 1, s.rank())};
  if (line.k < 0 || line.k > line.n)
    return malformed("k is " + std::to_string(line.k) + " for an axis of " +
                     std::to_string(line.n));
  const std::int64_t outer = s.count(0, a.axis);
  Shape shape = s;
  shape[a.axis] = line.k;
  ASSIGN(Tensor order, Tensor::make_uninitialized(DType::i64, Shape{line.n}));
  ASSIGN(Tensor * values, c.make(0, x.dtype(), shape));
  Tensor* indices = nullptr;
  if (c.result_count() > 1) {
    ASSIGN(indices, c.make(1, DType::i64, shape));
  }
  return visit_number(x.dtype(), [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    auto ids = order.mutable_values<std::int64_t>();
    T* v = values->mutable_values<T>().data();
    std::int64_t* places = indices ? indices->mutable_values<std::int64_t>().data() : nullptr;
    for (std::int64_t o = 0; o < outer; ++o) {
      TRY(c.poll());
      for (std::int64_t i = 0; i < line.stride; ++i) {
        const T* from = x.values<T>().data() + o * line.n * line.stride + i;
        select(line, a.largest, from, ids);
        for (std::int64_t j = 0; j < line.k; ++j) {
          const std::int64_t to = (o * line.k + j) * line.stride + i;
          const std::int64_t at = ids[static_cast<std::size_t>(j)];
          if (places) places[to] = at;
          v[to] = from[at * line.stride];
        }
      }
    }
    return {};
  });
}

}  // namespace gossamer::reference
