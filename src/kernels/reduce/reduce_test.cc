// Reductions over any axes, in every layout, against plain code in double.
#include "kernels/reduce/reduce.h"

#include <cmath>
#include <limits>

#include "base/float_bits.h"
#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

using Axes = std::vector<std::int64_t>;

// Calls f(place of y, place of x) for every element of x, both counted row-major.
template <class F>
void each(const Axes& extents, const Axes& axes, F f) {
  std::int64_t count = 1;
  for (const std::int64_t e : extents) count *= e;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, to = 0, step = 1;
    for (std::size_t a = extents.size(); a-- > 0;) {
      const std::int64_t c = rest % extents[a];
      rest /= extents[a];
      if (std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(a)) != axes.end()) continue;
      to += c * step;
      step *= extents[a];
    }
    f(to, i);
  }
}

double fold(ReduceOp op, double a, double v) {
  if (op == ReduceOp::prod) return a * v;
  if (op == ReduceOp::max) return std::isnan(a) ? a : std::isnan(v) || v > a ? v : a;
  if (op == ReduceOp::min) return std::isnan(a) ? a : std::isnan(v) || v < a ? v : a;
  return a + (op == ReduceOp::logsumexp ? std::exp(v) : v);
}
double neutral(ReduceOp op) {
  return op == ReduceOp::prod  ? 1
         : op == ReduceOp::max ? -INFINITY
         : op == ReduceOp::min ? INFINITY
                               : 0;
}

template <class T>
void check(ReduceOp op, const Axes& extents, const Axes& axes, const std::vector<int>& order,
           Level level, double tolerance, int parts) {
  Axes out = extents;
  double length = 1;
  for (const std::int64_t a : axes) {
    length *= static_cast<double>(extents[static_cast<std::size_t>(a)]);
    out[static_cast<std::size_t>(a)] = 1;
  }
  Box<T> x(extents, order), y(out, order);
  std::vector<float> wide(x.data.size());
  fill_uniform(wide, 9, op == ReduceOp::prod ? 0.9F : -3, op == ReduceOp::prod ? 1.11F : 5);
  for (std::size_t i = 0; i < wide.size(); ++i) {
    if constexpr (std::is_integral_v<T>)
      x.data[i] = static_cast<T>(wide[i] * 100);
    else
      x.data[i] = round_to<T>(wide[i]);
  }
  const auto value = [](T v) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<double>(v);
    else
      return static_cast<double>(to_float(v));
  };
  run_step(ReduceStep{op, axes}, {x.view}, {y.view}, {x.address()}, {y.address()}, level, parts);
  std::vector<double> want(static_cast<std::size_t>(y.count()), neutral(op)), size(want.size(), 0);
  each(extents, axes, [&](std::int64_t to, std::int64_t from) {
    want[static_cast<std::size_t>(to)] =
        fold(op, want[static_cast<std::size_t>(to)], value(x[from]));
    size[static_cast<std::size_t>(to)] += std::abs(value(x[from]));
  });
  for (std::int64_t i = 0; i < y.count(); ++i) {
    double w = want[static_cast<std::size_t>(i)],
           scale = std::max(std::abs(w), size[static_cast<std::size_t>(i)]);
    if (op == ReduceOp::mean) w /= length, scale /= length;
    if (op == ReduceOp::logsumexp) w = std::log(w), scale = std::abs(w) + 1;
    if (op == ReduceOp::max || op == ReduceOp::min || op == ReduceOp::prod) scale = std::abs(w);
    if (std::isnan(w)) {
      ASSERT_TRUE(std::isnan(value(y[i])));
    } else if (std::isinf(w) && !std::is_integral_v<T>) {
      ASSERT_EQ(value(y[i]), w);
    } else if (!std::isinf(w)) {
      ASSERT_NEAR(value(y[i]), w, tolerance * scale) << i;
    }
  }
}

TEST(Reduce, FloatsInEveryLayout) {
  const std::vector<std::vector<int>> orders = {{0, 1, 2, 3}, {0, 2, 3, 1}, {3, 1, 0, 2}};
  const std::vector<Axes> axes = {{}, {3}, {1}, {2, 3}, {0, 1, 2, 3}, {0, 2}, {1, 2}, {0, 1}};
  for (const Axes& extents : {Axes{2, 5, 7, 9},
                              {1, 70, 7, 7},
                              {3, 1, 2, 130},
                              {1, 3, 41, 50},
                              {2, 0, 3, 4},
                              {1, 1, 1, 1}})
    for (const Axes& a : axes)
      for (const auto& order : orders)
        for (int op = 0; op < 6; ++op)
          for (const Level level : levels()) {
            const auto o = static_cast<ReduceOp>(op);
            check<float>(o, extents, a, order, level, o == ReduceOp::prod ? 2e-5 : 4e-7,
                         1 + op % 3);
            if (o == ReduceOp::sum || o == ReduceOp::max || o == ReduceOp::mean)
              check<F16>(o, extents, a, order, level, 1e-3, 2);
          }
}

TEST(Reduce, Integers) {
  for (const Axes& extents : {Axes{2, 5, 7, 9}, {1, 70, 7, 7}, {2, 0, 3, 4}})
    for (const Axes& a : {Axes{3}, Axes{1}, Axes{0, 2, 3}})
      for (const ReduceOp op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min})
        for (const Level level : levels()) {
          check<std::int32_t>(op, extents, a, {0, 2, 3, 1}, level, 0, 2);
          check<std::int64_t>(op, extents, a, {0, 1, 2, 3}, level, 0, 1);
        }
  EXPECT_FALSE(reducible(ReduceOp::mean, DType::i64));
  Box<std::int32_t> x({3}), y({1});
  x.data = {INT32_MAX, 2, -7};
  run_step(ReduceStep{ReduceOp::sum, {0}}, {x.view}, {y.view}, {x.address()}, {y.address()},
           Level::v2);
  EXPECT_EQ(y[0], INT32_MAX - 5);
  run_step(ReduceStep{ReduceOp::prod, {0}}, {x.view}, {y.view}, {x.address()}, {y.address()},
           Level::v2);
  EXPECT_EQ(y[0], 14);
}

TEST(Reduce, LongSumsStayExact) {
  for (const Level level : levels())
    for (const std::vector<int>& order : {std::vector<int>{0, 1}, std::vector<int>{1, 0}}) {
      const std::int64_t n = 1 << 20;
      Box<float> x({2, n}, order), y({2, 1});
      for (float& v : x.data) v = 0.1F;
      run_step(ReduceStep{ReduceOp::sum, {1}}, {x.view}, {y.view}, {x.address()}, {y.address()},
               level);
      for (int i = 0; i < 2; ++i) EXPECT_NEAR(y[i], static_cast<double>(n) * 0.1F, 0.1);
    }
}

TEST(Reduce, NansAndInfinities) {
  for (const Level level : levels())
    for (const std::vector<int>& order : {std::vector<int>{0, 1}, std::vector<int>{1, 0}})
      for (int at = 0; at < 37; ++at) {
        Box<float> x({3, 37}, order), y({3, 1});
        for (float& v : x.data) v = 1;
        x[at] = NAN;
        x[37 + at] = INFINITY;
        for (int i = 0; i < 37; ++i) x[2 * 37 + i] = -INFINITY;
        const auto run = [&](ReduceOp op) {
          run_step(ReduceStep{op, {1}}, {x.view}, {y.view}, {x.address()}, {y.address()}, level);
        };
        run(ReduceOp::max);
        EXPECT_TRUE(std::isnan(y[0]));
        EXPECT_EQ(y[1], INFINITY);
        run(ReduceOp::min);
        EXPECT_TRUE(std::isnan(y[0]));
        EXPECT_EQ(y[1], 1);
        run(ReduceOp::logsumexp);
        EXPECT_TRUE(std::isnan(y[0]));
        EXPECT_EQ(y[1], INFINITY);
        EXPECT_EQ(y[2], -INFINITY);
      }
}

}  // namespace
}  // namespace gossamer::kernels
