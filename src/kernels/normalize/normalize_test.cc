// Layer, RMS, instance and group normalization in every layout against plain code in double.
#include "kernels/normalize/normalize.h"

#include <cmath>

#include "base/float_bits.h"
#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

using Axes = std::vector<std::int64_t>;

struct Case {
  Axes extents;
  NormalizeStep step;
  std::vector<int> repeats;  // axes along which scale and bias have one element
};

// The row that element i belongs to, as a number: its place with the spanned axes left out.
std::int64_t row_of(const Case& c, std::int64_t i) {
  std::int64_t row = 0, step = 1;
  for (std::size_t a = c.extents.size(); a-- > 0;) {
    std::int64_t at = i % c.extents[a], extent = c.extents[a];
    i /= extent;
    if (c.step.groups > 0) {
      if (a > 1) continue;
      if (a == 1) at /= extent / c.step.groups, extent = c.step.groups;
    } else if (std::find(c.step.axes.begin(), c.step.axes.end(), static_cast<std::int64_t>(a)) !=
               c.step.axes.end()) {
      continue;
    }
    row += at * step;
    step *= extent;
  }
  return row;
}

template <class T>
void check(const Case& c, const std::vector<int>& order, Level level, int variant,
           double tolerance) {
  Box<T> x(c.extents, order), y(c.extents, order);
  Box<T> scale(c.extents, {}, 1, c.repeats), bias(c.extents, order, 1, c.repeats);
  const auto fill = [](Box<T>& box, std::uint32_t seed) {
    std::vector<float> wide(box.data.size());
    fill_uniform(wide, seed, -1, 3);
    for (std::size_t i = 0; i < wide.size(); ++i) box.data[i] = round_to<T>(wide[i]);
  };
  fill(x, 1);
  fill(scale, 2);
  fill(bias, 3);
  Axes rows = c.extents;
  if (c.step.groups > 0) {
    std::fill(rows.begin() + 1, rows.end(), 1);
    rows[1] = c.step.groups;
  }
  for (const std::int64_t a : c.step.axes) rows[static_cast<std::size_t>(a)] = 1;
  Box<float> mean(rows), inverse(rows);
  View none;
  none.rank = -1;
  const bool scales = variant != 1, shifts = variant % 2 == 0, statistics = variant < 2;
  run_step(c.step, {x.view, scales ? scale.view : none, shifts ? bias.view : none},
           {y.view, statistics ? mean.view : none, statistics ? inverse.view : none},
           {x.address(), scale.address(), bias.address()},
           {y.address(), mean.address(), inverse.address()}, level, 1 + variant % 3);
  const auto count = static_cast<std::size_t>(mean.count());
  std::vector<double> sum(count, 0), squares(count, 0), n(count, 0);
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const auto r = static_cast<std::size_t>(row_of(c, i));
    sum[r] += to_float(x[i]);
    n[r] += 1;
  }
  for (std::size_t r = 0; r < count; ++r) sum[r] = c.step.center ? sum[r] / n[r] : 0;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const auto r = static_cast<std::size_t>(row_of(c, i));
    squares[r] += std::pow(to_float(x[i]) - sum[r], 2);
  }
  for (std::size_t r = 0; r < count; ++r) {
    squares[r] = 1 / std::sqrt(squares[r] / n[r] + static_cast<double>(c.step.epsilon));
    if (!statistics || x.count() == 0) continue;
    ASSERT_NEAR(mean[static_cast<std::int64_t>(r)], sum[r], 1e-6);
    ASSERT_NEAR(inverse[static_cast<std::int64_t>(r)], squares[r], 1e-6 * squares[r]);
  }
  const auto want = [&](std::int64_t i) {
    const auto r = static_cast<std::size_t>(row_of(c, i));
    double v = (to_float(x[i]) - sum[r]) * squares[r];
    if (scales) v *= to_float(scale[i]);
    return shifts ? v + to_float(bias[i]) : v;
  };
  for (std::int64_t i = 0; i < x.count(); ++i) ASSERT_NEAR(to_float(y[i]), want(i), tolerance) << i;
  Box<T> z = x;
  run_step(c.step, {z.view, scales ? scale.view : none, shifts ? bias.view : none}, {z.view},
           {z.address(), scale.address(), bias.address()}, {z.address()}, level);
  for (std::int64_t i = 0; i < x.count(); ++i) ASSERT_EQ(to_float(z[i]), to_float(y[i]));
}

TEST(Normalize, EveryKindInEveryLayout) {
  const std::vector<Case> cases = {
      {{2, 5, 1, 96}, {{3}, 0, true, 1e-5F}, {0, 1, 2}},    // layer norm
      {{2, 5, 1, 37}, {{3}, 0, false, 1e-6F}, {0, 1, 2}},   // RMS norm
      {{2, 3, 4, 5}, {{2, 3}, 0, true, 1e-2F}, {0, 2, 3}},  // instance norm
      {{1, 70, 9, 7}, {{2, 3}, 0, true, 1e-5F}, {0, 2, 3}},
      {{2, 8, 5, 3}, {{}, 2, true, 1e-5F}, {0, 2, 3}},  // group norm
      {{1, 64, 7, 6}, {{}, 16, true, 1e-5F}, {0, 2, 3}},
      {{1, 300, 4, 2}, {{}, 3, true, 1e-5F}, {0, 2, 3}},
      {{2, 4, 3, 8}, {{1, 2, 3}, 0, true, 1e-5F}, {0}},  // all but the batch, full scale
      {{2, 6, 3, 8}, {{1}, 0, true, 1e-5F}, {0, 2, 3}},  // over channels
      {{2, 6, 0, 8}, {{3}, 0, true, 1e-5F}, {0, 1, 2}},
      {{1, 1, 1, 1}, {{1, 2, 3}, 0, true, 1e-5F}, {}},
  };
  for (const Case& c : cases)
    for (const std::vector<int>& order :
         std::vector<std::vector<int>>{{0, 1, 2, 3}, {0, 2, 3, 1}, {3, 2, 1, 0}})
      for (const Level level : levels())
        for (int variant = 0; variant < 4; ++variant) {
          check<float>(c, order, level, variant, 1e-5);
          check<F16>(c, order, level, variant, 1.5e-2);
          check<BF16>(c, order, level, variant, 1.2e-1);
        }
}

TEST(Normalize, RefusesWhatDoesNotFit) {
  Box<float> x({2, 6, 4}), y({2, 6, 4});
  const std::vector<View> in = {x.view}, out = {y.view};
  EXPECT_FALSE(prepare(NormalizeStep{{3}, 0, true, 0}, {in, out}).ok());
  EXPECT_FALSE(prepare(NormalizeStep{{1, 1}, 0, true, 0}, {in, out}).ok());
  EXPECT_FALSE(prepare(NormalizeStep{{}, 4, true, 0}, {in, out}).ok());
  EXPECT_FALSE(prepare(NormalizeStep{{2}, 0, true, 0}, {in, {}}).ok());
}

}  // namespace
}  // namespace gossamer::kernels
