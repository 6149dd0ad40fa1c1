// Lookup through a map from keys to positions.
#include "reference/lookup.h"

#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace gossamer::reference {
namespace {

// Elements under which equal keys are equal bits.
Result<std::vector<std::uint64_t>> comparable(const Tensor& t) {
  std::vector<std::uint64_t> out;
  if (is_floating(t.dtype())) {
    ASSIGN(std::vector<double> values, to_doubles(t));
    for (double v : values) {
      if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();
      out.push_back(std::bit_cast<std::uint64_t>(v == 0 ? 0.0 : v));
    }
    return out;
  }
  ASSIGN(std::vector<std::int64_t> values, to_int64s(t));
  for (std::int64_t v : values) out.push_back(static_cast<std::uint64_t>(v));
  return out;
}

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

// For each of `xs` the position of its key.
template <class Keys, class Xs>
std::vector<std::size_t> positions(const Keys& keys, const Xs& xs) {
  std::unordered_map<typename Keys::value_type, std::size_t> table;
  for (std::size_t i = 0; i < keys.size(); ++i) table[keys[i]] = i;
  std::vector<std::size_t> out;
  out.reserve(xs.size());
  for (const auto& x : xs) {
    const auto it = table.find(x);
    out.push_back(it == table.end() ? kNone : it->second);
  }
  return out;
}

}  // namespace

Status check_table(const LookupAttributes& a) {
  if (a.keys.rank() != 1 || !(a.keys.shape() == a.values.shape()))
    return malformed("keys and values must be vectors of one length");
  if (a.otherwise.count() != 1 || a.otherwise.dtype() != a.values.dtype())
    return malformed("the default must be one element of the values' type");
  return {};
}

Status lookup(const LookupAttributes& a, Context& c) {
  TRY(check_table(a));
  const Tensor& x = c.tensor(0);
  if (x.dtype() != a.keys.dtype()) return malformed("the input does not have the keys' type");
  TRY(c.hold(x.count() * static_cast<std::int64_t>(2 * sizeof(std::uint64_t))));
  std::vector<std::size_t> at;
  if (x.dtype() == DType::string) {
    at = positions(a.keys.values<std::string>(), x.values<std::string>());
  } else {
    ASSIGN(const std::vector<std::uint64_t> keys, comparable(a.keys));
    ASSIGN(const std::vector<std::uint64_t> xs, comparable(x));
    at = positions(keys, xs);
  }
  ASSIGN(Tensor * out, c.make(0, a.values.dtype(), x.shape()));
  visit_storage(out->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto values = a.values.values<T>();
    const T& otherwise = a.otherwise.values<T>()[0];
    auto y = out->mutable_values<T>();
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = at[i] == kNone ? otherwise : values[at[i]];
  });
  return {};
}

}  // namespace gossamer::reference
