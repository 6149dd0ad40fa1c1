// Copies, paddings and repeats against element by element code, for every element size and level.
#include "kernels/copy/copy.h"

#include <algorithm>

#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

template <class T>
void number(Box<T>& box, int from = 1) {
  for (std::size_t i = 0; i < box.data.size(); ++i)
    box.data[i] = static_cast<T>(from + static_cast<int>(i));
}

template <class T>
void check_copies() {
  using Extents = std::vector<std::int64_t>;
  const std::vector<std::vector<int>> orders = {
      {0, 1, 2, 3}, {0, 2, 3, 1}, {3, 2, 1, 0}, {0, 2, 1, 3}};
  for (const Extents& extents : {Extents{2, 3, 5, 7},
                                 {1, 16, 8, 8},
                                 {1, 3, 9, 21},
                                 {2, 33, 1, 70},
                                 {1, 64, 1, 64},
                                 {2, 4, 17, 1},
                                 {1, 2, 130, 3},
                                 {2, 0, 5, 3},
                                 {1, 1, 1, 1}})
    for (const auto& from : orders)
      for (const auto& to : orders)
        for (int variant = 0; variant < 4; ++variant)
          for (const Level level : levels()) {
            const std::int64_t gap = variant == 1 ? 2 : 1;
            Box<T> x(extents, from, gap, variant == 2 ? std::vector<int>{1} : std::vector<int>{});
            Box<T> y(extents, to, variant == 3 ? 3 : 1);
            number(x);
            if (variant == 1) x.flip(3);
            const int parts = 1 + variant % 3;
            run_step(CopyStep{}, {x.view}, {y.view}, {x.address()}, {y.address()}, level, parts);
            for (std::int64_t i = 0; i < x.count(); ++i) ASSERT_EQ(y[i], x[i]) << i;
          }
}

TEST(Copy, EveryLayoutAndElementSize) {
  check_copies<std::uint8_t>();
  check_copies<std::uint16_t>();
  check_copies<float>();
  check_copies<std::int64_t>();
  check_copies<C128>();
}

TEST(Copy, LeavesGapsAlone) {
  for (const Level level : levels())
    for (std::int64_t n = 1; n < 80; ++n) {
      Box<std::uint8_t> x({5, n}), y({5, n});
      y.view.strides[0] = n + 3;
      y.data.assign(static_cast<std::size_t>(6 * (n + 3)), 0);
      number(x);
      run_step(CopyStep{}, {x.view}, {y.view}, {x.address()}, {y.address()}, level);
      for (std::int64_t i = 0; i < 5 * n; ++i) ASSERT_EQ(y[i], x[i]);
      for (std::int64_t r = 0; r < 5; ++r)
        for (std::int64_t k = 0; k < 3; ++k)
          ASSERT_EQ(y.data[static_cast<std::size_t>(r * (n + 3) + n + k)], 0);
    }
}

// The place in x of place i of y along one axis, or -1: walked, not computed.
std::int64_t place(const PadStep& s, std::size_t axis, std::int64_t i, std::int64_t n) {
  i -= s.before[axis];
  const std::int64_t gap = s.interior.empty() ? 0 : s.interior[axis];
  if (gap > 0 || s.mode == PadFill::constant) {
    for (std::int64_t k = 0; k < n; ++k)
      if (k * (gap + 1) == i) return k;
    return -1;
  }
  if (s.mode == PadFill::edge) return std::clamp<std::int64_t>(i, 0, n - 1);
  while (i < 0 || i >= n) {
    if (s.mode == PadFill::wrap)
      i += i < 0 ? n : -n;
    else if (n == 1)
      i = 0;
    else
      i = i < 0 ? -i : 2 * (n - 1) - i;
  }
  return i;
}

template <class T>
void check_pad(const PadStep& step, const std::vector<std::int64_t>& extents, bool valued) {
  std::vector<std::int64_t> out;
  for (std::size_t a = 0; a < extents.size(); ++a) {
    const std::int64_t gap = step.interior.empty() ? 0 : step.interior[a];
    const std::int64_t spread = extents[a] == 0 ? 0 : extents[a] + (extents[a] - 1) * gap;
    out.push_back(spread + step.before[a] + step.after[a]);
  }
  const std::vector<std::vector<int>> orders = {{0, 1, 2}, {0, 2, 1}, {2, 1, 0}};
  for (const auto& order : orders)
    for (const Level level : levels())
      for (int parts = 1; parts <= 3; parts += 2) {
        Box<T> x(extents, order), y(out, order), value({});
        number(x);
        value.data[0] = static_cast<T>(77);
        std::vector<View> inputs = {x.view};
        if (valued) inputs.push_back(value.view);
        run_step(step, inputs, {y.view}, {x.address(), valued ? value.address() : nullptr},
                 {y.address()}, level, parts);
        for (std::int64_t i = 0; i < y.count(); ++i) {
          std::int64_t rest = i, at = 0, step_of = 1;
          bool border = false;
          for (std::size_t a = 3; a-- > 0;) {
            const std::int64_t s = place(step, a, rest % out[a], extents[a]);
            rest /= out[a];
            border = border || s < 0;
            at += s * step_of;
            step_of *= extents[a];
          }
          ASSERT_EQ(y[i], border ? static_cast<T>(valued ? 77 : 0) : x[at]) << i;
        }
      }
}

TEST(Pad, EveryMode) {
  for (int mode = 0; mode < 4; ++mode) {
    const auto fill = static_cast<PadFill>(mode);
    for (const bool valued : {false, true}) {
      check_pad<float>({{0, 1, 2}, {0, 3, 1}, {}, fill}, {2, 4, 5}, valued);
      check_pad<std::uint8_t>({{0, 1, 1}, {0, 1, 1}, {}, fill}, {3, 3, 17}, valued);
      check_pad<std::int64_t>({{1, -1, 0}, {2, 0, -2}, {}, fill}, {2, 4, 5}, valued);
      check_pad<std::uint16_t>({{9, 0, 0}, {7, 0, 4}, {}, fill}, {3, 1, 1}, valued);
    }
  }
  check_pad<float>({{1, 0, 2}, {0, 1, 1}, {0, 1, 2}, PadFill::constant}, {2, 4, 5}, true);
  check_pad<float>({{1, 2, 2}, {0, 1, 1}, {}, PadFill::constant}, {2, 0, 5}, true);
  check_pad<C128>({{0, 0, 0}, {0, 0, 0}, {}, PadFill::constant}, {2, 3, 5}, false);
}

TEST(Pad, RefusesContradictions) {
  Box<float> x({3}), y({5});
  const std::vector<View> in = {x.view}, out = {y.view};
  EXPECT_FALSE(prepare(PadStep{{1}, {0}, {}, PadFill::constant}, {in, out}).ok());
  EXPECT_FALSE(prepare(PadStep{{1, 1}, {1}, {}, PadFill::constant}, {in, out}).ok());
  EXPECT_FALSE(prepare(PadStep{{INT64_MAX}, {INT64_MAX}, {}, PadFill::constant}, {in, out}).ok());
  EXPECT_FALSE(prepare(PadStep{{0}, {0}, {1}, PadFill::edge}, {in, out}).ok());
  EXPECT_TRUE(prepare(PadStep{{0}, {0}, {1}, PadFill::constant}, {in, out}).ok());
}

TEST(Repeat, WholeAndEach) {
  for (const bool each : {false, true})
    for (const std::int64_t times : {0, 1, 2, 5})
      for (int axis = 0; axis < 3; ++axis)
        for (const Level level : levels()) {
          std::vector<std::int64_t> extents = {3, 4, 9};
          Box<float> x(extents, {0, 2, 1});
          const std::int64_t n = extents[static_cast<std::size_t>(axis)];
          extents[static_cast<std::size_t>(axis)] *= times;
          Box<float> y(extents);
          number(x);
          run_step(RepeatStep{axis, times, each}, {x.view}, {y.view}, {x.address()}, {y.address()},
                   level, 2);
          for (std::int64_t i = 0; i < y.count(); ++i) {
            std::int64_t c[3] = {i / (extents[1] * extents[2]), i / extents[2] % extents[1],
                                 i % extents[2]};
            c[axis] = each ? c[axis] / times : c[axis] % n;
            ASSERT_EQ(y[i], x[(c[0] * 4 + c[1]) * 9 + c[2]]);
          }
        }
}

TEST(Repeat, OfEightAxes) {
  Box<float> x({1, 2, 1, 2, 1, 2, 1, 3}), y({1, 2, 1, 2, 1, 2, 1, 6});
  number(x);
  run_step(RepeatStep{7, 2, true}, {x.view}, {y.view}, {x.address()}, {y.address()}, Level::v2);
  for (std::int64_t i = 0; i < 48; ++i) ASSERT_EQ(y[i], x[i / 2]);
}

}  // namespace
}  // namespace gossamer::kernels
