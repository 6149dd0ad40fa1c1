// Attention in blocks of queries: products, bias, softmax, products.
#include "reference/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/accumulate.h"
#include "reference/packed_matrix.h"
#include "reference/rows.h"

namespace gossamer {

std::span<const std::string_view> enum_names(EmptyRow) {
  static constexpr std::string_view kNames[] = {"zero", "nan"};
  return kNames;
}

std::span<const std::string_view> enum_names(AttentionScores) {
  static constexpr std::string_view kNames[] = {"products", "capped", "biased", "weights"};
  return kNames;
}

namespace reference {
namespace {

enum Operand : std::size_t { kQ, kK, kV, kMask, kKeys, kOffset };

constexpr std::int64_t kQueriesAtOnce = 64;
// Positions stay so small that their sums cannot overflow.
constexpr std::int64_t kMaxPosition = std::int64_t{1} << 60;

template <class A>
inline constexpr A kClosed = -std::numeric_limits<A>::infinity();

struct Extents {
  std::int64_t batch = 0, heads = 0, groups = 0, queries = 0, keys = 0, depth = 0, width = 0;
};

Result<Extents> extents_of(Context& c) {
  const Shape& q = c.tensor(kQ).shape();
  const Shape& k = c.tensor(kK).shape();
  const Shape& v = c.tensor(kV).shape();
  if (q.rank() != 4 || k.rank() != 4 || v.rank() != 4)
    return malformed("queries, keys and values have four axes");
  const Extents n{q[0], q[1], k[1], q[2], k[2], q[3], v[3]};
  const bool heads_fit = n.groups > 0 ? n.heads % n.groups == 0 : n.heads == 0;
  if (k[0] != n.batch || v[0] != n.batch || k[3] != n.depth || v[1] != n.groups || v[2] != n.keys ||
      !heads_fit)
    return malformed("queries " + q.to_string() + ", keys " + k.to_string() + " and values " +
                     v.to_string() + " do not fit");
  return n;
}

// Which keys are open to which query, and at what price.
template <class A>
class Bias {
 public:
  static Result<Bias> make(const AttentionAttributes& a, const Extents& n, Context& c) {
    Bias bias(a, n);
    TRY(bias.read_mask(c));
    ASSIGN(bias.lengths_, bias.read_numbers(c, kKeys, "kv_len", n.keys));
    ASSIGN(bias.offsets_, bias.read_numbers(c, kOffset, "offset", 0));
    for (std::int64_t o : bias.offsets_)
      if (o < -kMaxPosition || o > kMaxPosition)
        return malformed("an offset of " + std::to_string(o));
    return bias;
  }

  // The bias of query i for every key.
  void fill(std::int64_t b, std::int64_t head, std::int64_t i, std::span<A> row) const {
    std::fill(row.begin(), row.end(), A{0});
    if (masked_) {
      const std::int64_t at = b * strides_[0] + head * strides_[1] + i * strides_[2];
      const std::span<const A> m = mask_.values<A>().subspan(static_cast<std::size_t>(at),
                                                             static_cast<std::size_t>(length_));
      std::copy(m.begin(), m.end(), row.begin());
      close(row, length_, n_.keys);
    }
    const std::int64_t here = i + offsets_[static_cast<std::size_t>(b)];
    if (a_.causal) close(row, here + 1, n_.keys);
    if (a_.right >= 0) close(row, here + std::min(a_.right, kMaxPosition) + 1, n_.keys);
    if (a_.left >= 0) close(row, 0, here - std::min(a_.left, kMaxPosition));
    close(row, lengths_[static_cast<std::size_t>(b)], n_.keys);
  }

 private:
  Bias(const AttentionAttributes& a, const Extents& n) : a_(a), n_(n) {}

  void close(std::span<A> row, std::int64_t first, std::int64_t last) const {
    first = std::clamp<std::int64_t>(first, 0, n_.keys);
    last = std::clamp<std::int64_t>(last, 0, n_.keys);
    for (std::int64_t j = first; j < last; ++j) row[static_cast<std::size_t>(j)] = kClosed<A>;
  }

  Status read_mask(Context& c) {
    masked_ = c.has(kMask);
    if (!masked_) return {};
    const Tensor& mask = c.tensor(kMask);
    const Shape& s = mask.shape();
    if (s.rank() < 1 || s.rank() > 4 || s[s.rank() - 1] > n_.keys)
      return malformed("mask " + s.to_string() + " does not fit " + std::to_string(n_.keys) +
                       " keys");
    length_ = s[s.rank() - 1];
    const std::int64_t full[] = {n_.batch, n_.heads, n_.queries};
    std::int64_t stride = length_;
    for (int d = s.rank() - 2, to = 2; d >= 0; --d, --to) {
      if (s[d] != 1 && s[d] != full[to])
        return malformed("mask " + s.to_string() + " does not broadcast");
      strides_[to] = s[d] == 1 ? 0 : stride;
      stride *= s[d];
    }
    if (mask.dtype() != DType::boolean) {
      ASSIGN(mask_, widened(mask, dtype_of<A>));
      return {};
    }
    ASSIGN(mask_, Tensor::make_uninitialized(dtype_of<A>, s));
    const std::span<const bool> open = mask.values<bool>();
    std::transform(open.begin(), open.end(), mask_.mutable_values<A>().begin(),
                   [](bool v) { return v ? A{0} : kClosed<A>; });
    return {};
  }

  Result<std::vector<std::int64_t>> read_numbers(Context& c, std::size_t i, std::string_view what,
                                                 std::int64_t otherwise) const {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(n_.batch), otherwise);
    if (!c.has(i)) return numbers;
    ASSIGN(std::vector<std::int64_t> given, to_int64s(c.tensor(i)));
    if (given.size() == 1) given.assign(numbers.size(), given[0]);
    if (given.size() != numbers.size())
      return malformed(std::string(what) + " must hold one number a batch");
    return given;
  }

  const AttentionAttributes& a_;
  Extents n_;
  bool masked_ = false;
  Tensor mask_;
  std::int64_t length_ = 0, strides_[3] = {};
  std::vector<std::int64_t> lengths_, offsets_;
};

// From biased products to weights, in place.
template <class A>
void softmax_row(std::span<A> row, EmptyRow empty) {
  A top = kClosed<A>;
  for (A v : row) top = v > top || std::isnan(v) ? v : top;
  if (top == kClosed<A>) {
    std::fill(row.begin(), row.end(),
              empty == EmptyRow::zero ? A{0} : std::numeric_limits<A>::quiet_NaN());
    return;
  }
  for (A& v : row) v = std::exp(v - top);
  const A sum = pairwise_sum<A>(0, static_cast<std::int64_t>(row.size()),
                                [&](std::int64_t j) { return row[static_cast<std::size_t>(j)]; });
  for (A& v : row) v /= sum;
}

template <class A>
class Heads {
 public:
  Heads(const AttentionAttributes& a, const Extents& n, Context& c) : a_(a), n_(n), c_(c) {}

  Status run() {
    const DType dtype = dtype_of<A>;
    ASSIGN(q_, widened(c_.tensor(kQ), dtype));
    ASSIGN(k_, widened(c_.tensor(kK), dtype));
    ASSIGN(v_, widened(c_.tensor(kV), dtype));
    ASSIGN(const Bias<A> bias, Bias<A>::make(a_, n_, c_));
    ASSIGN(y_, Tensor::make(dtype, Shape{n_.batch, n_.heads, n_.queries, n_.width}));
    const bool shown = c_.result_count() > 1 && c_.wanted(1);
    if (shown) {
      ASSIGN(shown_, Tensor::make(dtype, Shape{n_.batch, n_.heads, n_.queries, n_.keys}));
    }
    const std::int64_t block = std::min(kQueriesAtOnce, n_.queries);
    ASSIGN(products_, Tensor::make(dtype, Shape{block, n_.keys}));
    ASSIGN(bias_, Tensor::make(dtype, Shape{n_.keys}));
    const std::int64_t room = packed_count(block, std::max(n_.depth, n_.keys));
    ASSIGN(room_, Tensor::make_uninitialized(dtype, Shape{room}));
    for (std::int64_t b = 0; b < n_.batch; ++b)
      for (std::int64_t g = 0; g < n_.groups; ++g) TRY(run_group(bias, b, g, shown));
    const DType out = c_.tensor(kQ).dtype();
    ASSIGN(Tensor * y, c_.make(0, out, y_.shape()));
    narrow(y_, *y);
    if (!shown) return {};
    ASSIGN(Tensor * scores, c_.make(1, out, shown_.shape()));
    narrow(shown_, *scores);
    return {};
  }

 private:
  Status run_group(const Bias<A>& bias, std::int64_t b, std::int64_t g, bool shown) {
    const std::int64_t matrix = b * n_.groups + g;
    ASSIGN(const PackedMatrix<A> keys,
           PackedMatrix<A>::pack(k_.values<A>().data() + matrix * n_.keys * n_.depth, n_.depth,
                                 n_.keys, 1, n_.depth));
    ASSIGN(const PackedMatrix<A> values,
           PackedMatrix<A>::pack(v_.values<A>().data() + matrix * n_.keys * n_.width, n_.keys,
                                 n_.width, n_.width, 1));
    const std::int64_t sharing = n_.heads / n_.groups;
    for (std::int64_t head = g * sharing; head < (g + 1) * sharing; ++head)
      for (std::int64_t first = 0; first < n_.queries; first += kQueriesAtOnce) {
        TRY(c_.poll());
        run_block(bias, keys, values, b, head, first, shown);
      }
    return {};
  }

  void run_block(const Bias<A>& bias, const PackedMatrix<A>& keys, const PackedMatrix<A>& values,
                 std::int64_t b, std::int64_t head, std::int64_t first, bool shown) {
    const std::int64_t count = std::min(kQueriesAtOnce, n_.queries - first);
    const std::int64_t query = (b * n_.heads + head) * n_.queries + first;
    std::span<A> room = room_.template mutable_values<A>();
    std::span<A> products = products_.template mutable_values<A>();
    keys.multiply(q_.values<A>().data() + query * n_.depth, count, room, products.data(), n_.keys);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto width = static_cast<std::size_t>(n_.keys);
      const std::span<A> row = products.subspan(static_cast<std::size_t>(i) * width, width);
      std::span<A> shown_row;
      if (shown)
        shown_row = shown_.template mutable_values<A>().subspan(
            static_cast<std::size_t>(query + i) * width, width);
      bias.fill(b, head, first + i, bias_.template mutable_values<A>());
      weigh(row, shown_row);
    }
    values.multiply(products.data(), count, room,
                    y_.template mutable_values<A>().data() + query * n_.width, n_.width);
  }

  // From products to weights; `shown`, unless empty, gets what the attributes ask for.
  void weigh(std::span<A> row, std::span<A> shown) const {
    const auto show = [&](AttentionScores stage) {
      if (!shown.empty() && a_.scores == stage) std::copy(row.begin(), row.end(), shown.begin());
    };
    const std::span<const A> bias = bias_.values<A>();
    for (A& v : row) v *= static_cast<A>(a_.scale);
    show(AttentionScores::products);
    const A cap = static_cast<A>(a_.softcap);
    if (cap > 0)
      for (A& v : row) v = cap * std::tanh(v / cap);
    show(AttentionScores::capped);
    for (std::size_t j = 0; j < row.size(); ++j)
      row[j] = bias[j] == kClosed<A> ? kClosed<A> : row[j] + bias[j];
    show(AttentionScores::biased);
    softmax_row(row, a_.empty_row);
    show(AttentionScores::weights);
  }

  const AttentionAttributes& a_;
  Extents n_;
  Context& c_;
  Tensor q_, k_, v_, y_, shown_, products_, bias_, room_;
};

}  // namespace

Status attention(const AttentionAttributes& a, Context& c) {
  ASSIGN(const Extents n, extents_of(c));
  return a.acc == DType::f64 ? Heads<double>(a, n, c).run() : Heads<float>(a, n, c).run();
}

}  // namespace reference
}  // namespace gossamer
