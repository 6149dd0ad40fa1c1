// ArgReduce, one line along the axis at a time.
#include "reference/arg_reduce.h"

#include "reference/numbers.h"

namespace gossamer::reference {
namespace {

// Whether v takes the place of `best` in a line read from front to back.
template <class C>
bool better(const ArgReduceAttributes& a, C v, C best) {
  if (is_nan(v) || is_nan(best)) return is_nan(v) && (a.last || !is_nan(best));
  if (v == best) return a.last;
  return a.op == ArgReduceOp::max ? v > best : v < best;
}

}  // namespace

Status arg_reduce(const ArgReduceAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  const Shape& s = x.shape();
  if (a.axis < 0 || a.axis >= s.rank()) return malformed("axis out of range");
  if (!is_number(x.dtype()))
    return unsupported("an order of " + std::string(dtype_name(x.dtype())));
  const std::int64_t n = s[a.axis];
  const std::int64_t outer = s.count(0, a.axis);
  const std::int64_t inner = s.count(a.axis + 1, s.rank());
  if (n == 0 && outer * inner > 0) return malformed("nothing to choose from on an axis of 0");
  Shape shape = s;
  if (a.keep)
    shape[a.axis] = 1;
  else
    shape.dims().erase(shape.dims().begin() + a.axis);
  ASSIGN(Tensor * out, c.make(0, DType::i64, std::move(shape)));
  std::int64_t* y = out->mutable_values<std::int64_t>().data();
  visit_number(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i) {
        const T* line = x.values<T>().data() + o * n * inner + i;
        std::int64_t best = 0;
        for (std::int64_t j = 1; j < n; ++j)
          if (better(a, load(line[j * inner]), load(line[best * inner]))) best = j;
        *y++ = best;
      }
  });
  return {};
}

}  // namespace gossamer::reference
