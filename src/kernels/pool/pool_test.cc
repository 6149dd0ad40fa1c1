// The kernels of pool on every level that this machine has, against plain loops.
#include "kernels/pool/pool.h"

#include <limits>

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

std::int64_t at_or(const std::vector<std::int64_t>& list, std::size_t i, std::int64_t otherwise) {
  return list.empty() ? otherwise : list[i];
}

// One result by definition; pads as the step lists them.
template <class T>
double pooled(const PoolStep& s, const Strided<T>& x, const Coordinates& at) {
  double best = std::is_same_v<T, float> ? -std::numeric_limits<double>::infinity()
                                         : static_cast<double>(std::numeric_limits<T>::lowest());
  double sum = 0, counted = 0;
  View taps;
  taps.rank = static_cast<int>(s.axes.size());
  for (std::size_t i = 0; i < s.axes.size(); ++i) taps.extents[i] = s.kernel[i];
  for_each_coordinate(taps, [&](const Coordinates& tap) {
    Coordinates from = at;
    bool inside = true, declared = true;
    for (std::size_t i = 0; i < s.axes.size(); ++i) {
      const auto axis = static_cast<std::size_t>(s.axes[i]);
      const std::int64_t p = at[axis] * at_or(s.strides, i, 1) + tap[i] * at_or(s.dilations, i, 1) -
                             at_or(s.pads_begin, i, 0);
      from[axis] = p;
      inside = inside && p >= 0 && p < x.view.extents[axis];
      declared = declared && p < x.view.extents[axis] + at_or(s.pads_end, i, 0);
    }
    if (inside || (s.count_pad && declared)) ++counted;
    if (!inside) return;
    const auto v = static_cast<double>(x[from]);
    if (v > best || std::isnan(v)) best = std::isnan(best) ? best : v;
    sum += s.op == PoolOp::lp ? (s.p == 1 ? std::abs(v) : v * v) : v;
  });
  if (s.op == PoolOp::max) return best;
  if (s.op == PoolOp::mean) return sum / counted;
  return s.op == PoolOp::lp && s.p == 2 ? std::sqrt(sum) : sum;
}

template <class T>
void check(const PoolStep& s, const Strided<T>& x, Strided<T> y) {
  Strided<T> want = y;
  for_each_coordinate(want.view,
                      [&](const Coordinates& at) { want[at] = static_cast<T>(pooled(s, x, at)); });
  for (Level level : levels_here())
    for (int parts = 1; parts <= 3; ++parts) {
      SCOPED_TRACE(std::string(level_name(level)) + " in " + std::to_string(parts));
      const auto p = prepare(s, {{&x.view, 1}, {&y.view, 1}, level, parts});
      ASSERT_TRUE(p.ok()) << p.status().message();
      std::fill(y.memory.begin(), y.memory.end(), T{77});
      run_shares(**p, {x.address()}, {y.address()}, parts);
      expect_near(y, want, 2e-6);
    }
}

PoolStep planes(PoolOp op, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                std::int64_t dilation = 1) {
  PoolStep s;
  s.op = op;
  s.axes = {2, 3};
  s.kernel = {kernel, kernel};
  s.strides = {stride, stride};
  s.dilations = {dilation, dilation};
  s.pads_begin = s.pads_end = {pad, pad};
  return s;
}

std::int64_t windows(std::int64_t input, const PoolStep& s, bool ceil = false) {
  const std::int64_t room =
      input + s.pads_begin[0] + s.pads_end[0] - ((s.kernel[0] - 1) * s.dilations[0] + 1);
  return (room + (ceil ? s.strides[0] - 1 : 0)) / s.strides[0] + 1;
}

constexpr PoolOp kOps[] = {PoolOp::max, PoolOp::sum, PoolOp::mean, PoolOp::lp};

TEST(Pool, EveryOpInEveryLayout) {
  for (PoolOp op : kOps)
    for (const std::vector<int>& order :
         {std::vector<int>{0, 1, 2, 3}, {0, 2, 3, 1}, {3, 2, 1, 0}, {0, 3, 1, 2}})
      for (std::int64_t channels : {1, 3, 16, 21, 70}) {
        const PoolStep s = planes(op, 3, 2, 1);
        Strided<float> x({2, channels, 9, 12}, order, 2);
        fill_uniform(x, 1);
        check(s, x, Strided<float>({2, channels, windows(9, s), windows(12, s)}, order));
      }
}

TEST(Pool, StridesPadsDilationsAndOverhang) {
  for (PoolOp op : kOps)
    for (bool count_pad : {false, true})
      for (std::int64_t kernel : {1, 2, 3, 5})
        for (std::int64_t stride : {1, 2, 3})
          for (std::int64_t dilation : {1, 2})
            for (const std::vector<int>& order : {std::vector<int>{}, {0, 2, 3, 1}}) {
              PoolStep s = planes(op, kernel, stride, kernel / 2, dilation);
              s.count_pad = count_pad;
              Strided<float> x({1, 5, 11, 14}, order);
              fill_uniform(x, 2);
              check(s, x,
                    Strided<float>({1, 5, windows(11, s, true), windows(14, s, true)}, order));
            }
}

TEST(Pool, LayoutsOfXAndYMayDiffer) {
  const PoolStep s = planes(PoolOp::mean, 2, 2, 0);
  Strided<float> x({2, 6, 8, 8}, {0, 2, 3, 1});
  fill_uniform(x, 3);
  check(s, x, Strided<float>({2, 6, 4, 4}));
  check(s, x.flip(2), Strided<float>({2, 6, 4, 4}).flip(1));
}

TEST(Pool, OneAndThreeAxes) {
  PoolStep s;
  s.op = PoolOp::mean;
  s.axes = {1};
  s.kernel = {4};
  s.strides = {3};
  Strided<float> x({3, 40, 5});
  fill_uniform(x, 4);
  check(s, x, Strided<float>({3, 13, 5}));
  s.axes = {1, 2, 3};
  s.kernel = {2, 3, 1};
  s.strides = {};
  s.pads_begin = {1, 0, 0};
  Strided<float> z({1, 4, 5, 6});
  fill_uniform(z, 5);
  check(s, z, Strided<float>({1, 4, 3, 6}));
}

TEST(Pool, NanAndPaddingOnly) {
  PoolStep s = planes(PoolOp::max, 2, 2, 2);
  for (const std::vector<int>& order : {std::vector<int>{}, {0, 2, 3, 1}}) {
    Strided<float> x({1, 33, 6, 6}, order);
    fill_uniform(x, 6);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    x[{0, 1, 0, 0}] = x[{0, 2, 3, 3}] = x[{0, 32, 2, 3}] = nan;
    x[{0, 4, 0, 0}] = std::numeric_limits<float>::infinity();
    for (PoolOp op : kOps) {
      s.op = op;
      check(s, x, Strided<float>({1, 33, 5, 5}, order));
    }
  }
}

TEST(Pool, Bytes) {
  for (const std::vector<int>& order : {std::vector<int>{}, {0, 2, 3, 1}}) {
    const PoolStep s = planes(PoolOp::max, 3, 2, 1);
    Strided<std::uint8_t> x({1, 70, 9, 9}, order);
    fill_uniform(x, 7, 0, 255);
    check(s, x, Strided<std::uint8_t>({1, 70, 5, 5}, order));
    Strided<std::int8_t> z({1, 35, 9, 9}, order);
    fill_uniform(z, 8, -128, 127);
    check(s, z, Strided<std::int8_t>({1, 35, 5, 5}, order));
  }
}

TEST(Pool, PaddingCentersWindows) {
  PoolStep s = planes(PoolOp::mean, 3, 2, 0);
  Strided<float> x({1, 2, 8, 8});
  fill_uniform(x, 9);
  PoolStep same = s;
  same.pads_begin = same.pads_end = {};
  for (PoolPadding padding : {PoolPadding::same_upper, PoolPadding::same_lower}) {
    same.padding = padding;
    const bool upper = padding == PoolPadding::same_upper;
    s.pads_begin = {!upper, !upper};
    s.pads_end = {upper, upper};
    Strided<float> y({1, 2, 4, 4}), z = y;
    const auto a = prepare(s, {{&x.view, 1}, {&y.view, 1}, Level::v2, 1});
    const auto b = prepare(same, {{&x.view, 1}, {&z.view, 1}, Level::v2, 1});
    ASSERT_TRUE(a.ok() && b.ok());
    run_shares(**a, {x.address()}, {y.address()}, 1);
    run_shares(**b, {x.address()}, {z.address()}, 1);
    EXPECT_EQ(y.memory, z.memory);
  }
}

TEST(Pool, EmptyAndRefused) {
  PoolStep s = planes(PoolOp::max, 2, 2, 0);
  check(s, Strided<float>({0, 3, 4, 4}), Strided<float>({0, 3, 2, 2}));
  Strided<float> x({1, 1, 4, 4}), y({1, 2, 2, 2});
  EXPECT_EQ(prepare(s, {{&x.view, 1}, {&y.view, 1}, Level::v2, 1}).status().code(), Code::internal);
  Strided<double> d({1, 1, 4, 4}), e({1, 1, 2, 2});
  EXPECT_EQ(prepare(s, {{&d.view, 1}, {&e.view, 1}, Level::v2, 1}).status().code(),
            Code::unsupported);
}

}  // namespace
}  // namespace gossamer::kernels
