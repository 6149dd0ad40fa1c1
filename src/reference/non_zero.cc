// NonZero in two passes: count, then write.
#include "reference/non_zero.h"

#include "base/float_bits.h"

namespace gossamer::reference {
namespace {

template <class T>
bool counts(const T& v) {
  if constexpr (std::is_same_v<T, std::string>)
    return !v.empty();
  else if constexpr (requires { v.value; })
    return v.value != 0;
  else if constexpr (requires { v.bits; })
    return to_float(v) != 0;
  else
    return v != T{};
}

template <class T>
Status find(const Tensor& x, Context& c) {
  auto values = x.values<T>();
  std::int64_t n = 0;
  for (const T& v : values) n += counts<T>(v) ? 1 : 0;
  const int rank = x.rank();
  ASSIGN(Tensor * out, c.make(0, DType::i64, Shape{rank, n}));
  std::int64_t* y = out->mutable_values<std::int64_t>().data();
  std::int64_t column = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!counts<T>(values[i])) continue;
    auto rest = static_cast<std::int64_t>(i);
    for (int d = rank; d-- > 0;) {
      y[d * n + column] = rest % x.shape()[d];
      rest /= x.shape()[d];
    }
    ++column;
  }
  return {};
}

}  // namespace

Status non_zero(const NonZeroAttributes&, Context& c) {
  const Tensor& x = c.tensor(0);
  return visit_dtype(x.dtype(), [&](auto tag) { return find<typename decltype(tag)::type>(x, c); });
}

}  // namespace gossamer::reference
