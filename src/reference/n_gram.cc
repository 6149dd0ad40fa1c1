// NGram: looks every candidate up in a map of the pool.
#include "reference/n_gram.h"

#include <algorithm>
#include <map>

namespace gossamer::reference {
namespace {

constexpr std::int64_t kLookupsAStep = 16;  // for the price of one node execution

template <class T>
class Counter {
 public:
  Counter(const NGramAttributes& a, Context& c, const std::vector<std::vector<T>>& pool)
      : a_(a), c_(c) {
    for (std::size_t i = 0; i < pool.size(); ++i) {
      places_.emplace(pool[i], a.indexes[i]);
      longest_ = std::max(longest_, static_cast<std::int64_t>(pool[i].size()));
    }
    longest_ = std::min(longest_, a.longest);
  }

  Status count(std::span<const T> row, std::span<float> out) {
    const auto n = static_cast<std::int64_t>(row.size());
    for (std::int64_t skip = 0; skip <= a_.skips && skip < n; ++skip) {
      // Skipping does not change what single elements there are.
      const std::int64_t first = skip == 0 ? a_.shortest : std::max<std::int64_t>(a_.shortest, 2);
      TRY(c_.charge(1 + n / kLookupsAStep));
      for (std::int64_t length = std::max<std::int64_t>(first, 1); length <= longest_; ++length) {
        const std::int64_t reach = (length - 1) * (skip + 1);
        if (reach >= n) break;
        TRY(c_.charge((n - reach) / kLookupsAStep));
        for (std::int64_t start = 0; start + reach < n; ++start)
          look(row, start, skip, length, out);
      }
    }
    return {};
  }

 private:
  void look(std::span<const T> row, std::int64_t start, std::int64_t skip, std::int64_t length,
            std::span<float> out) {
    key_.clear();
    for (std::int64_t k = 0; k < length; ++k)
      key_.push_back(row[static_cast<std::size_t>(start + k * (skip + 1))]);
    const auto it = places_.find(key_);
    if (it != places_.end()) out[static_cast<std::size_t>(it->second)] += 1.0F;
  }

  const NGramAttributes& a_;
  Context& c_;
  std::map<std::vector<T>, std::int64_t> places_;
  std::int64_t longest_ = 0;  // no n-gram of the pool is longer
  std::vector<T> key_;
};

void weigh(const NGramAttributes& a, std::span<float> row) {
  if (a.mode == NGramMode::tf) return;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (a.mode == NGramMode::idf) row[i] = row[i] > 0 ? 1.0F : 0.0F;
    if (!a.weights.empty()) row[i] *= a.weights[i];
  }
}

template <class T>
Status run(const NGramAttributes& a, Context& c, const std::vector<std::vector<T>>& pool,
           std::span<const T> x, std::int64_t rows, std::span<float> y) {
  if (rows == 0) return {};
  Counter<T> counter(a, c, pool);
  const std::size_t in = x.size() / static_cast<std::size_t>(rows);
  const std::size_t out = y.size() / static_cast<std::size_t>(rows);
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) {
    const std::span<float> row = y.subspan(r * out, out);
    TRY(counter.count(x.subspan(r * in, in), row));
    weigh(a, row);
  }
  return {};
}

}  // namespace

Status n_gram(const NGramAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  const std::optional<std::int64_t> columns = a.columns();
  if (!columns || std::max(a.numbers.size(), a.words.size()) != a.indexes.size() ||
      (!a.weights.empty() && static_cast<std::int64_t>(a.weights.size()) < *columns))
    return malformed("pool, indexes and weights do not fit each other");
  if (x.rank() > 2) return malformed("expected a vector or rows of them");
  const std::int64_t rows = x.rank() == 2 ? x.shape()[0] : 1;
  Shape shape = x.rank() == 2 ? Shape{rows, *columns} : Shape{*columns};
  ASSIGN(Tensor * out, c.make(0, DType::f32, std::move(shape)));
  const auto y = out->mutable_values<float>();
  std::fill(y.begin(), y.end(), 0.0F);
  if (x.dtype() == DType::string) return run(a, c, a.words, x.values<std::string>(), rows, y);
  ASSIGN(const std::vector<std::int64_t> numbers, to_int64s(x));
  return run<std::int64_t>(a, c, a.numbers, numbers, rows, y);
}

}  // namespace gossamer::reference
