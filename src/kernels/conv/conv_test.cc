// Convolutions against plain loops: one to three axes, padding, strides, dilation, groups, layouts,
// shares, epilogues.
#include "kernels/conv/conv.h"

#include "kernels/gemm/product_test.h"

namespace gossamer::kernels {
namespace {

using Dims = std::vector<std::int64_t>;

enum class Layout { channels_last, planar, slice };

struct Case {
  std::int64_t batch = 1, channels = 1, filters = 1, group = 1;
  Dims in, kernel, strides, dilations, pads, pads_end;  // of space; empty: 1 and 0
  Layout x = Layout::channels_last, y = Layout::channels_last;
  bool bias = false, clamp = false;
  int epilogue = -1;
  bool in_place = false;
};

Dims filled(const Dims& list, std::size_t space, std::int64_t value) {
  return list.empty() ? Dims(space, value) : list;
}

TestTensor tensor(std::int64_t n, std::int64_t c, const Dims& space, Layout layout) {
  Dims extents = {n, c};
  extents.insert(extents.end(), space.begin(), space.end());
  TestLayout l;
  if (layout != Layout::planar) {
    l.order = {0};
    for (std::size_t i = 0; i < space.size(); ++i)
      l.order.push_back(static_cast<std::int64_t>(i) + 2);
    l.order.push_back(1);
    l.gap = layout == Layout::slice ? 5 : 0;
  }
  return TestTensor(extents, l);
}

// The convolution itself, plainly.
class Plain {
 public:
  explicit Plain(const Case& c)
      : space(c.in.size()),
        strides(filled(c.strides, space, 1)),
        dilations(filled(c.dilations, space, 1)),
        pads(filled(c.pads, space, 0)) {
    const Dims ends = c.pads_end.empty() ? pads : c.pads_end;
    for (std::size_t i = 0; i < space; ++i) {
      const std::int64_t room = c.in[i] + pads[i] + ends[i] - (c.kernel[i] - 1) * dilations[i] - 1;
      out.push_back(room < 0 ? 0 : room / strides[i] + 1);
      taps *= c.kernel[i];
    }
  }

  double sum(const Case& c, const TestTensor& x, const TestTensor& w, std::int64_t index) const {
    Dims at(space);
    std::int64_t rest = index;
    for (std::size_t i = space; i-- > 0;) {
      at[i] = rest % out[i];
      rest /= out[i];
    }
    const std::int64_t m = rest % c.filters, n = rest / c.filters;
    const std::int64_t own = c.channels / c.group, first = m / (c.filters / c.group) * own;
    double total = 0;
    for (std::int64_t t = 0; t < taps; ++t) {
      std::int64_t tap = t, offset = n * x.view.strides[0];
      bool inside = true;
      for (std::size_t i = space; i-- > 0;) {
        const std::int64_t p = at[i] * strides[i] + tap % c.kernel[i] * dilations[i] - pads[i];
        inside = inside && p >= 0 && p < c.in[i];
        offset += p * x.view.strides[2 + i];
        tap /= c.kernel[i];
      }
      for (std::int64_t k = 0; inside && k < own; ++k)
        total += static_cast<double>(x.data()[offset + (first + k) * x.view.strides[1]]) *
                 w.data()[(m * own + k) * taps + t];
    }
    return total;
  }

  std::size_t space;
  Dims strides, dilations, pads, out;
  std::int64_t taps = 1;
};

std::string describe(const Case& c, Level level, int threads) {
  std::string s(level_name(level));
  const auto add = [&](const char* name, const Dims& v) {
    s += std::string(" ") + name;
    for (const std::int64_t i : v) s += " " + std::to_string(i);
  };
  add("in", c.in), add("kernel", c.kernel), add("strides", c.strides), add("pads", c.pads);
  add("dilations", c.dilations);
  add("n c m g x y threads",
      {c.batch, c.channels, c.filters, c.group, static_cast<std::int64_t>(c.x),
       static_cast<std::int64_t>(c.y), threads});
  return s;
}

void check_all(const Case& c) {
  const Plain plain(c);
  TestTensor x = tensor(c.batch, c.channels, c.in, c.x);
  TestTensor y = tensor(c.batch, c.filters, plain.out, c.y);
  TestTensor other = y, bias({c.filters}), shift({c.filters});
  TestTensor w({c.filters, c.channels / c.group, plain.taps});
  x.fill(1), w.fill(2), bias.fill(3), other.fill(4), shift.fill(5);

  ConvStep step;
  step.kernel = c.kernel;
  step.strides = c.strides;
  step.dilations = c.dilations;
  step.pads_begin = c.pads;
  step.group = c.group;
  step.channels = c.channels;
  step.filters = c.filters;
  step.bias = c.bias;
  if (c.clamp) step.low = -0.5f, step.high = 0.75f;
  std::vector<float> packed(packed_conv_size(step) / sizeof(float));
  pack_conv(step, w.data(), packed.data());
  const Dims size = {static_cast<std::int64_t>(packed.size())};
  std::vector<View> inputs = {x.view, View::row_major(DType::f32, size)};
  std::vector<const void*> addresses = {x.data(), packed.data()};
  if (c.bias) {
    inputs.push_back(bias.view);
    addresses.push_back(bias.data());
  }
  if (c.epilogue >= 0) {
    const bool sum = c.epilogue >= kSum;
    step.epilogue = sum ? sum_epilogue(c.epilogue) : test_epilogue(c.epilogue);
    if (c.epilogue >= 2) {
      inputs.push_back(y.view);
      addresses.push_back(c.in_place ? y.data() : other.data());
    }
    if (c.epilogue == 1 || c.epilogue == 2) {
      View v = y.view;
      for (auto& stride : v.strides) stride = 0;
      v.strides[1] = 1;
      inputs.push_back(v);
      addresses.push_back(shift.data());
    }
  }
  std::vector<double> expected;
  std::int64_t pixels = 1;
  for (const std::int64_t extent : plain.out) pixels *= extent;
  for (std::int64_t i = 0; i < y.view.count(); ++i) {
    const std::int64_t m = i / pixels % c.filters;
    double sum = plain.sum(c, x, w, i) + (c.bias ? bias.at(m) : 0);
    if (c.clamp) sum = std::min(std::max(sum, -0.5), 0.75);
    if (c.epilogue >= kSum) sum += other.at(i);
    if (c.epilogue == kBoundedSum) sum = std::max(sum, 0.25);
    if (c.epilogue >= 0 && c.epilogue < kSum) sum *= c.epilogue == 2 ? other.at(i) : 2;
    if (c.epilogue == 1 || c.epilogue == 2) sum += shift.at(m);
    expected.push_back(sum);
  }

  const auto terms = static_cast<double>(plain.taps * c.channels / c.group);
  for (const Level level : levels_here())
    for (const int threads : {1, 3}) {
      for (std::int64_t i = 0; i < y.view.count(); ++i) y.at(i) = c.in_place ? other.at(i) : NAN;
      Result<PreparedPtr> made = prepare(step, Shapes{inputs, {&y.view, 1}, level, threads});
      ASSERT_TRUE(made.ok()) << made.status().message();
      run_shares(**made, addresses, y.data(), threads);
      expect_near(y, expected, 1e-6 * terms + 1e-5, describe(c, level, threads));
    }
}

void check_layouts(Case c) {
  for (const Layout x : {Layout::channels_last, Layout::planar, Layout::slice})
    for (const Layout y : {Layout::channels_last, Layout::planar, Layout::slice}) {
      c.x = x;
      c.y = y;
      check_all(c);
    }
}

Case image(std::int64_t channels, std::int64_t filters, const Dims& in, const Dims& kernel,
           const Dims& pads) {
  Case c;
  c.channels = channels;
  c.filters = filters;
  c.in = in;
  c.kernel = kernel;
  c.pads = pads;
  return c;
}

TEST(Conv, OneByOne) {
  for (const std::int64_t channels : {1, 3, 16, 40})
    for (const std::int64_t filters : {1, 16, 70}) {
      check_layouts(image(channels, filters, {9, 7}, {1, 1}, {}));
      check_all(image(channels, filters, {1, 1}, {1, 1}, {}));
      Case c = image(channels, filters, {9, 7}, {1, 1}, {});
      c.strides = {2, 3};
      c.batch = 2;
      check_all(c);
    }
}

TEST(Conv, Windows) {
  for (const std::int64_t channels : {3, 20})
    for (const std::int64_t side : {3, 7, 20}) {
      Case c = image(channels, 33, {side, side + 2}, {3, 3}, {1, 1});
      check_layouts(c);
      c.strides = {2, 2};
      check_layouts(c);
      c.dilations = {2, 1};
      check_all(c);
      c.strides = {};
      c.dilations = {1, 2};
      check_all(c);
      c.pads = {};
      c.dilations = {};
      check_all(c);
      c.pads = {2, 0};
      c.pads_end = {0, 3};
      check_all(c);
      c.pads = {-1, -1};
      check_all(c);
    }
}

TEST(Conv, StemsAndSignals) {
  for (const std::int64_t channels : {1, 2, 3, 4}) {
    Case c = image(channels, 20, {20, 33}, {7, 7}, {3, 3});
    c.strides = {2, 2};
    check_layouts(c);
    c = image(channels, 24, {300}, {25}, {12});
    check_layouts(c);
    c.strides = {10};
    check_layouts(c);
  }
  check_layouts(image(40, 24, {500}, {3}, {1}));
}

TEST(Conv, ThreeAxes) {
  Case c = image(5, 20, {4, 6, 7}, {3, 2, 3}, {1, 0, 1});
  c.batch = 2;
  check_layouts(c);
  c.strides = {1, 2, 2};
  check_layouts(c);
}

TEST(Conv, Groups) {
  Case c = image(12, 30, {8, 9}, {3, 3}, {1, 1});
  c.group = 3;
  check_layouts(c);
  c.filters = 102;
  check_all(c);
  c.epilogue = 2;
  check_all(c);
}

TEST(Conv, Depthwise) {
  for (const std::int64_t kernel : {1, 2, 3, 5, 7})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t channels : {5, 16, 37}) {
        Case c = image(channels, channels, {11, 16}, {kernel, kernel}, {kernel / 2, kernel / 2});
        c.group = channels;
        c.strides = {stride, stride};
        c.bias = c.clamp = true;
        check_all(c);
        if (channels == 37 && kernel == 3) check_layouts(c);
      }
}

TEST(Conv, DepthwiseOfOtherShapes) {
  for (const std::int64_t side : {1, 3, 4, 5, 7, 8, 14, 23}) {
    Case c = image(20, 20, {side, side}, {3, 3}, {1, 1});
    c.group = 20;
    check_all(c);
    c.dilations = {2, 2};
    check_all(c);
    c.dilations = {2, 1};
    c.pads = {3, 1};
    c.epilogue = 2;
    check_all(c);
  }
  for (const std::int64_t length : {26, 40, 227, 269}) {
    Case c = image(36, 72, {length}, {3}, {1});
    c.group = 36;
    check_all(c);
  }
  Case signal = image(18, 18, {500}, {31}, {15});
  signal.group = 18;
  check_layouts(signal);
  Case volume = image(18, 18, {5, 6, 7}, {3, 3, 3}, {1, 1, 1});
  volume.group = 18;
  check_layouts(volume);
  Case doubled = image(10, 30, {9, 9}, {3, 3}, {1, 1});
  doubled.group = 10;
  check_layouts(doubled);
}

TEST(Conv, Epilogues) {
  for (const int operands : {0, 1, 2, kSum, kBoundedSum})
    for (const bool in_place : {false, true}) {
      Case c = image(16, 70, {9, 8}, {3, 3}, {1, 1});
      c.epilogue = operands;
      c.in_place = in_place && operands >= 2;
      c.bias = c.clamp = true;
      check_layouts(c);
      c.clamp = operands < 2;
      check_layouts(c);
      c.filters = 280;
      c.batch = 2;
      check_all(c);
      c.kernel = {1, 1};
      c.pads = {};
      check_all(c);
      c.group = c.filters = 16;
      c.kernel = {3, 3};
      check_layouts(c);
    }
}

TEST(Conv, NothingToDo) {
  Case c = image(4, 5, {2, 2}, {3, 3}, {});
  check_all(c);
  c = image(4, 0, {3, 3}, {3, 3}, {});
  check_all(c);
  c = image(4, 5, {3, 3}, {3, 3}, {});
  c.batch = 0;
  check_all(c);
}

TEST(Conv, ManyBlocksAndShares) {
  check_all(image(30, 40, {50, 60}, {3, 3}, {1, 1}));
  check_all(image(100, 400, {7, 7}, {3, 3}, {1, 1}));
  Case c = image(3, 20, {90, 100}, {3, 3}, {1, 1});
  c.x = Layout::planar;
  check_all(c);
}

TEST(Conv, SharesGiveTheSameBits) {
  for (const Level level : levels_here()) {
    ConvStep step;
    step.kernel = {3, 3};
    step.pads_begin = {1, 1};
    step.channels = 40;
    step.filters = 90;
    TestTensor x = tensor(1, 40, {19, 23}, Layout::channels_last), w({90, 40, 9});
    x.fill(1), w.fill(2);
    std::vector<float> packed(packed_conv_size(step) / sizeof(float));
    pack_conv(step, w.data(), packed.data());
    const Dims size = {static_cast<std::int64_t>(packed.size())};
    const View inputs[] = {x.view, View::row_major(DType::f32, size)};
    TestTensor one = tensor(1, 90, {19, 23}, Layout::channels_last), three = one;
    for (TestTensor* y : {&one, &three}) {
      Result<PreparedPtr> made =
          prepare(step, Shapes{inputs, {&y->view, 1}, level, y == &one ? 1 : 3});
      ASSERT_TRUE(made.ok());
      run_shares(**made, {x.data(), packed.data()}, y->data(), 3);
    }
    EXPECT_EQ(one.memory, three.memory);
  }
}

TEST(Conv, RefusesWhatDoesNotFit) {
  TestTensor x({1, 3, 4, 4}), w({100}), y({1, 5, 4, 4});
  const View inputs[] = {x.view, w.view};
  ConvStep step;
  step.kernel = {1, 1};
  step.channels = 4;
  step.filters = 5;
  EXPECT_EQ(prepare(step, Shapes{inputs, {&y.view, 1}, Level::v2, 1}).status().code(),
            Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
