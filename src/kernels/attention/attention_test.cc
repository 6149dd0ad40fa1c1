// The kernels of attention on every level that this machine has, against plain loops.
#include "kernels/attention/attention.h"

#include <limits>

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

constexpr double kClosed = -std::numeric_limits<double>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Case {
  AttentionStep step;
  std::int64_t batch = 1, heads = 2, groups = 2, queries = 5, keys = 7, depth = 8, width = 8;
  std::vector<int> order;  // of the axes of q, k, v and y in memory
  Strided<float> mask;
  Strided<bool> open;
  Strided<std::int64_t> lengths, offset;
};

// A number of the mask, right-aligned, for one score; closed beyond its end.
double bias(const Case& k, const Coordinates& at) {
  const auto read = [&](const auto& mask) -> double {
    const auto rank = static_cast<std::size_t>(mask.view.rank);
    Coordinates where(at.end() - mask.view.rank, at.end());
    if (where.back() >= mask.view.extents[rank - 1]) return kClosed;
    for (std::size_t d = 0; d < rank; ++d)
      if (mask.view.extents[d] == 1) where[d] = 0;
    if constexpr (std::is_same_v<decltype(mask), const Strided<bool>&>)
      return mask.memory[static_cast<std::size_t>(mask.offset(where))] ? 0 : kClosed;
    else
      return mask[where];
  };
  if (k.mask.view.rank >= 0) return read(k.mask);
  return k.open.view.rank >= 0 ? read(k.open) : 0;
}

double score(const Case& k, const Strided<float>& q, const Strided<float>& keys,
             const Coordinates& at) {
  const AttentionStep& s = k.step;
  const std::int64_t b = at[0], j = at[3];
  const auto number = [&](const Strided<std::int64_t>& t, std::int64_t otherwise) {
    if (t.view.rank < 0) return otherwise;
    return t.view.rank == 0 ? t[{}] : t[{t.view.extents[0] > 1 ? b : 0}];
  };
  const std::int64_t here = at[2] + number(k.offset, 0);
  if ((s.causal && j > here) || (s.right >= 0 && j > here + s.right) ||
      (s.left >= 0 && j < here - s.left) || j >= number(k.lengths, k.keys))
    return kClosed;
  const double add = bias(k, at);
  if (add == kClosed) return kClosed;
  double product = 0;
  for (std::int64_t i = 0; i < k.depth; ++i)
    product += double{q[{b, at[1], at[2], i}]} * keys[{b, at[1] / (k.heads / k.groups), j, i}];
  product *= s.scale;
  if (s.softcap > 0) product = s.softcap * std::tanh(product / s.softcap);
  return product + add;
}

Strided<float> attended(const Case& k, const Strided<float>& q, const Strided<float>& keys,
                        const Strided<float>& values, Strided<float> y) {
  for (std::int64_t b = 0; b < k.batch; ++b)
    for (std::int64_t h = 0; h < k.heads; ++h)
      for (std::int64_t i = 0; i < k.queries; ++i) {
        std::vector<double> p;
        double top = kClosed, sum = 0;
        for (std::int64_t j = 0; j < k.keys; ++j) {
          p.push_back(score(k, q, keys, {b, h, i, j}));
          top = p.back() > top || std::isnan(p.back()) ? p.back() : top;
        }
        for (double& v : p) sum += v = std::exp(v - top);
        for (std::int64_t e = 0; e < k.width; ++e) {
          double total = 0;
          for (std::int64_t j = 0; j < k.keys; ++j)
            total +=
                p[static_cast<std::size_t>(j)] / sum * values[{b, h / (k.heads / k.groups), j, e}];
          if (top == kClosed) total = k.step.empty_row == EmptyRow::zero ? 0 : double{kNan};
          y[{b, h, i, e}] = static_cast<float>(total);
        }
      }
  return y;
}

void check(const Case& k, bool spoil = false) {
  Strided<float> q({k.batch, k.heads, k.queries, k.depth}, k.order);
  Strided<float> keys({k.batch, k.groups, k.keys, k.depth}, k.order);
  Strided<float> values({k.batch, k.groups, k.keys, k.width}, k.order);
  Strided<float> y({k.batch, k.heads, k.queries, k.width}, k.order);
  fill_uniform(q, 1, -2, 2);
  fill_uniform(keys, 2, -2, 2);
  fill_uniform(values, 3);
  if (spoil) keys[{0, 0, 1, 0}] = kNan;
  const Strided<float> want = attended(k, q, keys, values, y);
  const bool boolean = k.open.view.rank >= 0;
  const View in[] = {q.view,         keys.view,    values.view, boolean ? k.open.view : k.mask.view,
                     k.lengths.view, k.offset.view};
  const void* mask = k.mask.address();
  std::vector<std::uint8_t> flags(k.open.memory.begin(), k.open.memory.end());
  if (boolean) mask = flags.data();
  for (Level level : levels_here())
    for (int parts = 1; parts <= 3; ++parts) {
      SCOPED_TRACE(std::string(level_name(level)) + " in " + std::to_string(parts));
      const auto p = prepare(k.step, {in, {&y.view, 1}, level, parts});
      ASSERT_TRUE(p.ok()) << p.status().message();
      std::fill(y.memory.begin(), y.memory.end(), 9.0F);
      run_shares(**p,
                 {q.address(), keys.address(), values.address(), mask, k.lengths.address(),
                  k.offset.address()},
                 {y.address()}, parts);
      expect_near(y, want, 4e-6);
    }
}

TEST(Attention, SizesAroundBlocks) {
  for (std::int64_t queries : {1, 3, 4, 48, 49, 100})
    for (std::int64_t keys : {1, 15, 16, 17, 64, 130, 512, 513, 1100}) {
      if (queries * keys > 30000) continue;
      Case k;
      k.queries = queries;
      k.keys = keys;
      k.depth = 7;
      k.width = queries % 2 ? 16 : 5;
      k.step.scale = 0.4F;
      check(k);
    }
}

TEST(Attention, DepthsAndWidths) {
  for (std::int64_t depth : {0, 1, 16, 33, 64})
    for (std::int64_t width : {1, 16, 48, 70, 128}) {
      Case k;
      k.depth = depth;
      k.width = width;
      k.queries = 9;
      k.keys = 20;
      k.step.scale = 0.3F;
      check(k);
    }
}

TEST(Attention, HeadsAsViewsAndSharedHeads) {
  for (const std::vector<int>& order :
       {std::vector<int>{0, 2, 1, 3}, {0, 1, 3, 2}, {3, 2, 1, 0}, {2, 0, 1, 3}})
    for (std::int64_t queries : {1, 20}) {
      Case k;
      k.batch = 2;
      k.heads = 4;
      k.order = order;
      k.queries = queries;
      k.keys = 19;
      check(k);
      k.groups = 1;
      check(k);
    }
}

TEST(Attention, CausalWindowsLengthsAndOffsets) {
  for (bool causal : {false, true})
    for (std::int64_t left : {-1, 0, 3, 40})
      for (std::int64_t right : {-1, 0, 2})
        for (std::int64_t size : {6, 70}) {
          Case k;
          k.step.causal = causal;
          k.step.left = left;
          k.step.right = right;
          k.batch = 2;
          k.queries = k.keys = size;
          check(k);
          k.lengths = Strided<std::int64_t>({2});
          k.lengths.memory = {0, size - 2};
          k.offset = Strided<std::int64_t>(Coordinates{});
          k.offset.memory = {2};
          k.step.empty_row = EmptyRow::nan;
          check(k);
          k.offset = Strided<std::int64_t>({2});
          k.offset.memory = {-3, 1};
          check(k);
        }
  Case k;
  k.step.causal = true;
  k.queries = 60;
  k.keys = 1300;
  k.offset = Strided<std::int64_t>({1});
  k.offset.memory = {1240};
  check(k);
  k.step.left = 700;
  check(k);
}

TEST(Attention, Masks) {
  for (const Coordinates& extents : {Coordinates{30},
                                     {1, 30},
                                     {8, 30},
                                     {3, 8, 30},
                                     {2, 1, 1, 30},
                                     {2, 3, 8, 30},
                                     {8, 21},
                                     {1, 1}}) {
    Case k;
    k.batch = 2;
    k.heads = k.groups = 3;
    k.queries = 8;
    k.keys = 30;
    k.mask = Strided<float>(extents);
    fill_uniform(k.mask, 5, -3, 3);
    for (std::size_t i = 0; i < k.mask.memory.size(); i += 3)
      k.mask.memory[i] = -std::numeric_limits<float>::infinity();
    check(k);
    k.mask = {};
    k.open = Strided<bool>(extents);
    for (std::size_t i = 0; i < k.open.memory.size(); ++i) k.open.memory[i] = i % 3 != 1;
    check(k);
  }
}

TEST(Attention, Softcap) {
  Case k;
  k.step.softcap = 1.5F;
  k.queries = 8;
  k.keys = 600;
  check(k);
}

TEST(Attention, NanReachesOnlyWhoSeesIt) {
  Case k;
  k.queries = 20;
  k.keys = 600;
  check(k, true);
  k.mask = Strided<float>({600});
  k.mask.memory[1] = -std::numeric_limits<float>::infinity();
  check(k, true);
  k.mask = {};
  k.step.left = 3;
  check(k, true);
}

TEST(Attention, EmptyAndRefused) {
  Case k;
  k.keys = 0;
  check(k);
  k.queries = 0;
  check(k);
  Strided<float> q({1, 3, 4, 8}), kv({1, 2, 5, 8});
  const View in[] = {q.view, kv.view, kv.view};
  EXPECT_EQ(prepare(AttentionStep{}, {in, {&q.view, 1}, Level::v2, 1}).status().code(),
            Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
