// Cumulate, one line along the axis at a time.
#include "reference/cumulate.h"

#include "reference/numbers.h"

namespace gossamer::reference {

Status cumulate(const CumulateAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  const Shape& s = x.shape();
  if (a.axis < 0 || a.axis >= s.rank()) return malformed("axis out of range");
  if (!is_number(x.dtype()))
    return unsupported("running totals of " + std::string(dtype_name(x.dtype())));
  ASSIGN(Tensor * out, c.make(0, x.dtype(), s));
  const std::int64_t n = s[a.axis];
  const std::int64_t outer = s.count(0, a.axis);
  const std::int64_t inner = s.count(a.axis + 1, s.rank());
  visit_number(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = Computed<T>;
    const T* from = x.values<T>().data();
    T* to = out->mutable_values<T>().data();
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i) {
        C total = a.op == CumulateOp::sum ? C{0} : C{1};
        for (std::int64_t j = 0; j < n; ++j) {
          const std::int64_t at = (o * n + (a.reverse ? n - 1 - j : j)) * inner + i;
          const C v = load(from[at]);
          const C next = a.op == CumulateOp::sum ? sum_of<C>(total, v) : product_of<C>(total, v);
          to[at] = store<T>(a.exclusive ? total : next);
          total = next;
        }
      }
  });
  return {};
}

}  // namespace gossamer::reference
