// Integer products against naive sums, on every level, with and without dot instructions.
#include "kernels/integer_product/integer_product.h"

#include <cmath>

#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

struct Case {
  std::vector<std::int64_t> kernel, strides, dilations, pads, in;  // in: batch, then space
  std::int64_t group = 1, channels = 1, filters = 1;
  bool weight_zeros = false;
  std::vector<int> x_order = {}, y_order = {};
};

std::int64_t number(const std::vector<std::int64_t>& v, std::size_t i, std::int64_t other) {
  return v.empty() ? other : v[i];
}

// A step with random weights, and what its sums must be.
template <class T>
struct Problem {
  IntegerProductStep step;
  Box<T> x;
  std::vector<std::int64_t> y_extents;
  std::vector<std::byte> packed;
  std::vector<std::int32_t> zeros, sums;  // sums row-major in y_extents
  T zero = static_cast<T>(std::is_signed_v<T> ? -7 : 131);

  Problem(const Case& c, std::uint32_t seed) : x(x_extents(c), c.x_order) {
    std::mt19937 random(seed);
    for (T& v : x.data) v = static_cast<T>(random());
    step.kernel = c.kernel;
    step.strides = c.strides;
    step.dilations = c.dilations;
    step.pads_begin = c.pads;
    step.group = c.group;
    step.channels = c.channels;
    step.filters = c.filters;
    step.zero = true;
    step.weight_zeros = c.weight_zeros;
    std::int64_t taps = 1;
    for (const std::int64_t k : c.kernel) taps *= k;
    const std::int64_t own = c.channels / c.group;
    std::vector<std::int8_t> w(static_cast<std::size_t>(c.filters * own * taps));
    for (std::int8_t& v : w) v = static_cast<std::int8_t>(random());
    zeros.assign(static_cast<std::size_t>(c.filters), 0);
    std::vector<std::int32_t> bias(zeros.size());
    if (c.weight_zeros)
      for (std::int32_t& v : zeros) v = static_cast<std::int32_t>(random() % 300) - 150;
    for (std::int32_t& v : bias) v = static_cast<std::int32_t>(random());
    packed.resize(packed_integer_product_size(step));
    pack_integer_product(step, {w.data(), own * taps, taps, 1, zeros.data(), bias.data()},
                         packed.data());
    y_extents = c.in;
    if (c.kernel.empty()) {
      y_extents.push_back(c.filters);
    } else {
      y_extents.insert(y_extents.begin() + 1, c.filters);
      for (std::size_t i = 0; i < c.kernel.size(); ++i) {
        const std::int64_t reach = (c.kernel[i] - 1) * number(c.dilations, i, 1) + 1;
        const std::int64_t room = c.in[i + 1] + 2 * number(c.pads, i, 0) - reach;
        y_extents[i + 2] = room / number(c.strides, i, 1) + 1;
      }
    }
    add_up(c, w, bias);
  }

  static std::vector<std::int64_t> x_extents(const Case& c) {
    std::vector<std::int64_t> e = c.in;
    if (c.kernel.empty())
      e.push_back(c.channels);
    else
      e.insert(e.begin() + 1, c.channels);
    return e;
  }

  void add_up(const Case& c, const std::vector<std::int8_t>& w,
              const std::vector<std::int32_t>& bias) {
    const bool conv = !c.kernel.empty();
    std::int64_t taps = 1;
    for (const std::int64_t k : c.kernel) taps *= k;
    const std::size_t channel = conv ? 1 : y_extents.size() - 1;
    const std::int64_t own = c.channels / c.group, filters = c.filters / c.group;
    std::int64_t count = 1;
    for (const std::int64_t e : y_extents) count *= e;
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<std::int64_t> at(y_extents.size());
      std::int64_t left = i;
      for (std::size_t a = at.size(); a-- > 0; left /= y_extents[a]) at[a] = left % y_extents[a];
      const std::int64_t m = at[channel];
      auto sum = static_cast<std::uint32_t>(bias[static_cast<std::size_t>(m)]);
      for (std::int64_t t = 0; t < taps; ++t) {
        std::int64_t rest = t, offset = x.origin;
        bool inside = true;
        for (std::size_t a = at.size(); a-- > 0;) {
          std::int64_t place = at[a];
          if (conv && a > 1) {
            const std::int64_t tap = rest % c.kernel[a - 2];
            rest /= c.kernel[a - 2];
            place = place * number(c.strides, a - 2, 1) + tap * number(c.dilations, a - 2, 1) -
                    number(c.pads, a - 2, 0);
            inside = inside && place >= 0 && place < x.view.extents[a];
          }
          if (a != channel) offset += place * x.view.strides[a];
        }
        if (!inside) continue;
        for (std::int64_t k = 0; k < own; ++k) {
          const std::int64_t from = offset + (m / filters * own + k) * x.view.strides[channel];
          const int v = x.data[static_cast<std::size_t>(from)] - zero;
          const int u = w[static_cast<std::size_t>((m * own + k) * taps + t)];
          sum += static_cast<std::uint32_t>(v * (u - zeros[static_cast<std::size_t>(m)]));
        }
      }
      sums.push_back(static_cast<std::int32_t>(sum));
    }
  }

  // Runs on all levels; `check` gets y.
  template <class Y, class Check>
  void run(Box<Y>& y, std::vector<View> views, std::vector<const void*> addresses, Check check) {
    std::vector<View> inputs = {x.view};
    std::vector<const void*> in = {x.address(), packed.data(), &zero};
    const std::int64_t bytes[] = {static_cast<std::int64_t>(packed.size())};
    inputs.push_back(View::row_major(DType::u8, bytes));
    inputs.push_back(View::row_major(dtype_of<T>, {}));
    if (step.weight_zeros) {
      const std::int64_t m[] = {step.filters};
      inputs.push_back(View::row_major(DType::i32, m));
      in.push_back(zeros.data());
    }
    inputs.insert(inputs.end(), views.begin(), views.end());
    in.insert(in.end(), addresses.begin(), addresses.end());
    const View outputs[] = {y.view};
    void* out[] = {y.address()};
    for (const Level level : levels())
      for (const bool dots : {false, true}) {
        if (dots && !has_integer_dots(level)) continue;
        for (int parts = 1; parts <= 3; ++parts) {
          std::fill(y.data.begin(), y.data.end(), Y{99});
          const Result<PreparedPtr> p = prepare(step, Shapes{inputs, outputs, level, 16}, dots);
          ASSERT_TRUE(p.ok()) << p.status().message();
          for (int part = parts; part-- > 0;) {
            std::vector<std::byte> memory((*p)->workspace + 64, std::byte{0xA5});
            auto* aligned = reinterpret_cast<std::byte*>(
                (reinterpret_cast<std::uintptr_t>(memory.data()) + 63) / 64 * 64);
            (*p)->run({in.data(), out, aligned}, part, parts);
          }
          check();
          if (testing::Test::HasFailure()) {
            ADD_FAILURE() << "level " << level_name(level) << " dots " << dots << " parts "
                          << parts;
            return;
          }
        }
      }
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t k : {1, 3, 4, 17, 64})
    for (const std::int64_t m : {1, 15, 16, 33, 64, 80, 130})
      for (const std::int64_t rows : {1, 5, 13}) all.push_back({{}, {}, {}, {}, {rows}, 1, k, m});
  all.push_back({{}, {}, {}, {}, {2, 150}, 1, 36, 70});
  all.push_back({{}, {}, {}, {}, {2, 7}, 1, 36, 70, true});
  all.push_back({{}, {}, {}, {}, {0, 7}, 1, 36, 70});
  all.push_back({{}, {}, {}, {}, {9, 7}, 1, 12, 20, false, {2, 0, 1}, {1, 2, 0}});
  const std::vector<int> last = {0, 2, 3, 1};
  for (const std::int64_t c : {3, 4, 8, 20})
    for (const bool zeros : {false, true})
      for (const auto& order : {std::vector<int>{}, last}) {
        all.push_back({{3, 3}, {}, {}, {1, 1}, {2, 7, 6}, 1, c, 18, zeros, order, order});
        all.push_back({{1, 1}, {2, 2}, {}, {}, {2, 7, 6}, 1, c, 18, zeros, order, order});
        all.push_back({{3, 2}, {2, 1}, {2, 2}, {2, 0}, {1, 9, 8}, 1, c, 40, zeros, order, order});
        all.push_back({{3, 3}, {}, {}, {1, 1}, {1, 5, 5}, 4, 4 * c, 12, zeros, order, order});
        all.push_back(
            {{3, 3}, {2, 2}, {}, {1, 1}, {2, 9, 8}, 5 * c, 5 * c, 5 * c, zeros, order, order});
      }
  all.push_back({{3, 3}, {}, {}, {1, 1}, {1, 6, 5}, 150, 150, 150, false, last, last});
  all.push_back({{7, 7}, {}, {}, {3, 3}, {1, 6, 5}, 70, 70, 70, false, last, last});
  all.push_back({{9, 9}, {}, {}, {4, 4}, {1, 6, 5}, 5, 5, 5, false, last, last});
  all.push_back({{5}, {}, {}, {2}, {2, 11}, 1, 8, 9});
  all.push_back({{2, 3, 3},
                 {},
                 {},
                 {0, 1, 1},
                 {1, 3, 4, 5},
                 1,
                 4,
                 9,
                 false,
                 {0, 2, 3, 4, 1},
                 {0, 2, 3, 4, 1}});
  return all;
}

TEST(IntegerProduct, SumsAreExact) {
  std::uint32_t seed = 1;
  for (const Case& c : cases()) {
    const auto check = [&](auto problem) {
      Box<std::int32_t> y(problem.y_extents, c.y_order);
      problem.run(y, {}, {}, [&] {
        for (std::int64_t i = 0; i < y.count(); ++i)
          ASSERT_EQ(y[i], problem.sums[static_cast<std::size_t>(i)]) << i << " of case " << seed;
      });
    };
    check(Problem<std::uint8_t>(c, ++seed));
    check(Problem<std::int8_t>(c, ++seed));
    if (HasFailure()) return;
  }
}

TEST(IntegerProduct, BecomeFloatsAndBytes) {
  const std::vector<int> last = {0, 2, 3, 1};
  const Case some[] = {{{}, {}, {}, {}, {2, 9}, 1, 36, 70},
                       {{3, 3}, {}, {}, {1, 1}, {2, 7, 6}, 1, 20, 35, false, last, last},
                       {{3, 3}, {}, {}, {1, 1}, {2, 7, 6}, 1, 20, 35},
                       {{3, 3}, {}, {}, {1, 1}, {1, 7, 6}, 37, 37, 37, false, last, last},
                       {{3, 3}, {2, 2}, {}, {1, 1}, {2, 9, 8}, 63, 63, 63, false, last, last},
                       {{5, 5}, {}, {}, {2, 2}, {1, 7, 6}, 150, 150, 150, false, last, last},
                       {{5, 5}, {2, 2}, {}, {2, 2}, {2, 11, 9}, 100, 100, 100, false, last, last},
                       {{3, 3}, {}, {}, {1, 1}, {2, 9, 7}, 100, 100, 100, false, last, last},
                       {{2, 3}, {1, 2}, {}, {0, 0}, {1, 9, 40}, 17, 17, 17, false, last, last},
                       {{3, 2}, {3, 3}, {}, {1, 0}, {2, 9, 7}, 24, 24, 24, false, last, last},
                       {{7, 3}, {}, {2, 1}, {3, 1}, {1, 20, 5}, 16, 16, 16, false, last, last},
                       {{1, 1}, {}, {}, {}, {2, 5, 5}, 1, 12, 49, false, last, last}};
  for (const Case& c : some) {
    Problem<std::uint8_t> p(c, 5);
    const auto m = static_cast<std::size_t>(c.filters);
    std::vector<float> scale(m), bias(m);
    fill_uniform(scale, 1, 1e-9F, 2e-9F);
    fill_uniform(bias, 2);
    const std::int64_t count[] = {c.filters};
    const std::vector<View> views(2, View::row_major(DType::f32, count));
    const std::vector<const void*> addresses = {scale.data(), bias.data()};
    p.step.scaled = p.step.bias = true;
    p.step.low = -3;
    p.step.high = 4;
    const auto channel_of = [&](std::int64_t i) {
      const std::size_t axis = c.kernel.empty() ? p.y_extents.size() - 1 : 1;
      for (std::size_t a = p.y_extents.size() - 1; a > axis; --a) i /= p.y_extents[a];
      return static_cast<std::size_t>(i % c.filters);
    };
    const auto real = [&](std::int64_t i) {
      const std::size_t f = channel_of(i);
      const float v = static_cast<float>(p.sums[static_cast<std::size_t>(i)]) * scale[f] + bias[f];
      return std::min(4.0F, std::max(-3.0F, v));
    };
    Box<float> y(p.y_extents, c.y_order);
    p.run(y, views, addresses, [&] {
      for (std::int64_t i = 0; i < y.count(); ++i) ASSERT_EQ(y[i], real(i)) << i;
    });
    p.step.quantized = true;
    p.step.y_scale = 0.03F;
    p.step.y_zero = 120;
    p.run(y, views, addresses, [&] {
      for (std::int64_t i = 0; i < y.count(); ++i)
        ASSERT_NEAR(y[i], std::nearbyint(real(i) / 0.03F) * 0.03F, 0.031F) << i;
    });
    Box<std::uint8_t> q(p.y_extents, c.y_order);
    const auto clamped = [](float v) { return std::clamp(v, 0.0F, 255.0F); };
    p.run(q, views, addresses, [&] {
      for (std::int64_t i = 0; i < q.count(); ++i)
        ASSERT_NEAR(q[i], clamped(std::nearbyint(real(i) / 0.03F) + 120), 1) << i;
    });
    // Bounds that are those of the bytes.
    p.step.low = -4;
    p.step.high = 5;
    p.run(q, views, addresses, [&] {
      for (std::int64_t i = 0; i < q.count(); ++i) {
        const std::size_t f = channel_of(i);
        const float v =
            static_cast<float>(p.sums[static_cast<std::size_t>(i)]) * scale[f] + bias[f];
        ASSERT_NEAR(q[i], clamped(std::nearbyint(v / 0.03F) + 120), 1) << i;
      }
    });
    p.step.low = -3;
    p.step.high = 4;
    // A second operand.
    if (!c.kernel.empty() && c.y_order.empty()) continue;
    p.step.other = true;
    p.step.mid_scale = 0.05F;
    p.step.mid_low = -128;
    p.step.mid_high = 127;
    p.step.other_scale = 0.01F;
    p.step.other_zero = -3;
    p.step.low2 = 0;
    Box<std::int8_t> other(p.y_extents, c.y_order);
    std::mt19937 random(3);
    for (std::int8_t& v : other.data) v = static_cast<std::int8_t>(random());
    auto more = views;
    more.push_back(other.view);
    auto with = addresses;
    with.push_back(other.address());
    p.run(q, more, with, [&] {
      for (std::int64_t i = 0; i < q.count(); ++i) {
        const float v =
            std::nearbyint(real(i) / 0.05F) * 0.05F + static_cast<float>(other[i] + 3) * 0.01F;
        ASSERT_NEAR(q[i], clamped(std::nearbyint(std::max(v, 0.0F) / 0.03F) + 120), 1 + 1) << i;
      }
    });
  }
}

TEST(IntegerProduct, PaddedPixelsAreReadInPlace) {
  const Case c{{3, 3}, {2, 2}, {}, {1, 1}, {1, 9, 9}, 1, 3, 32, false, {0, 2, 3, 1}, {0, 2, 3, 1}};
  Problem<std::uint8_t> p(c, 9);
  // The same pixels, four bytes apart.
  Box<std::uint8_t> x({1, 4, 9, 9}, {0, 2, 3, 1});
  for (std::int64_t i = 0; i < 81; ++i)
    for (std::int64_t k = 0; k < 4; ++k)
      x.data[static_cast<std::size_t>(4 * i + k)] =
          k < 3 ? p.x.data[static_cast<std::size_t>(3 * i + k)] : 77;
  x.view.extents[1] = 3;
  p.x = x;
  p.step.padded_pixels = true;
  Box<std::int32_t> y(p.y_extents, c.y_order);
  p.run(y, {}, {}, [&] {
    for (std::int64_t i = 0; i < y.count(); ++i)
      ASSERT_EQ(y[i], p.sums[static_cast<std::size_t>(i)]) << i;
  });
}

TEST(IntegerProduct, RunsAnEpilogue) {
  const Case c{{3, 3}, {}, {}, {1, 1}, {2, 7, 6}, 1, 20, 35, false, {0, 2, 3, 1}, {0, 2, 3, 1}};
  Problem<std::int8_t> p(c, 11);
  VectorBuilder b;
  const auto s = *b.input(DType::i32);
  const auto v = *b.input(DType::f32);
  const auto f = *b.emit("cast", DType::f32, std::array{s});
  const auto sum = *b.emit("add", DType::f32, std::array{f, v});
  p.step.epilogue = *b.finish(std::array{sum});
  Box<float> other({2, 35, 7, 6});
  fill_uniform(other.data, 4);
  Box<float> y(p.y_extents, c.y_order);
  p.run(y, {other.view}, {other.address()}, [&] {
    for (std::int64_t i = 0; i < y.count(); ++i)
      ASSERT_EQ(y[i], static_cast<float>(p.sums[static_cast<std::size_t>(i)]) + other[i]) << i;
  });
}

}  // namespace
}  // namespace gossamer::kernels
