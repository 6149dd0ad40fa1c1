// Transposed convolutions against plain loops that scatter.
#include "kernels/conv_transpose/conv_transpose.h"

#include "kernels/gemm/product_test.h"

namespace gossamer::kernels {
namespace {

using Dims = std::vector<std::int64_t>;

struct Case {
  std::int64_t batch = 1, channels = 1, filters = 1, group = 1;
  Dims in, kernel, strides, dilations, pads, out;
  bool planar_x = false, planar_y = false;
  bool bias = false, clamp = false;
  int epilogue = -1;
  bool in_place = false;
};

TestTensor tensor(std::int64_t n, std::int64_t c, const Dims& space, bool planar,
                  std::int64_t gap = 0) {
  Dims extents = {n, c};
  extents.insert(extents.end(), space.begin(), space.end());
  TestLayout l;
  if (!planar) {
    l.order = {0};
    for (std::size_t i = 0; i < space.size(); ++i)
      l.order.push_back(static_cast<std::int64_t>(i) + 2);
    l.order.push_back(1);
    l.gap = gap;
  }
  return TestTensor(extents, l);
}

std::int64_t product(const Dims& d) {
  return std::accumulate(d.begin(), d.end(), std::int64_t{1}, std::multiplies<std::int64_t>());
}

// The sums of all outputs, row-major.
std::vector<double> scatter(const Case& c, const TestTensor& x, const TestTensor& w) {
  const std::size_t space = c.in.size();
  const std::int64_t pixels = product(c.in), taps = product(c.kernel), outputs = product(c.out);
  const std::int64_t per_group = c.filters / c.group;
  std::vector<double> y(static_cast<std::size_t>(c.batch * c.filters * outputs), 0.0);
  for (std::int64_t i = 0; i < c.batch * c.channels * pixels; ++i) {
    const std::int64_t channel = i / pixels % c.channels, n = i / pixels / c.channels;
    const std::int64_t first = channel / (c.channels / c.group) * per_group;
    for (std::int64_t t = 0; t < taps; ++t) {
      std::int64_t pixel = i % pixels, tap = t, to = 0, scale = 1;
      bool inside = true;
      for (std::size_t a = space; a-- > 0;) {
        const std::int64_t at = pixel % c.in[a] * (c.strides.empty() ? 1 : c.strides[a]) +
                                tap % c.kernel[a] * (c.dilations.empty() ? 1 : c.dilations[a]) -
                                (c.pads.empty() ? 0 : c.pads[a]);
        inside = inside && at >= 0 && at < c.out[a];
        to += at * scale;
        scale *= c.out[a];
        pixel /= c.in[a];
        tap /= c.kernel[a];
      }
      for (std::int64_t f = 0; inside && f < per_group; ++f)
        y[static_cast<std::size_t>((n * c.filters + first + f) * outputs + to)] +=
            static_cast<double>(x.at(i)) * w.data()[(channel * per_group + f) * taps + t];
    }
  }
  return y;
}

void check_all(const Case& c) {
  TestTensor x = tensor(c.batch, c.channels, c.in, c.planar_x);
  TestTensor y = tensor(c.batch, c.filters, c.out, c.planar_y, 3);
  TestTensor other = y, bias({c.filters}), shift({c.filters});
  TestTensor w({c.channels, c.filters / c.group, product(c.kernel)});
  x.fill(1), w.fill(2), bias.fill(3), other.fill(4), shift.fill(5);
  ConvTransposeStep step;
  step.kernel = c.kernel;
  step.strides = c.strides;
  step.dilations = c.dilations;
  step.pads_begin = c.pads;
  step.group = c.group;
  step.channels = c.channels;
  step.filters = c.filters;
  step.bias = c.bias;
  if (c.clamp) step.low = -0.5f, step.high = 0.75f;
  std::vector<float> packed(packed_conv_transpose_size(step) / sizeof(float), NAN);
  pack_conv_transpose(step, w.data(), packed.data());
  const Dims size = {static_cast<std::int64_t>(packed.size())};
  std::vector<View> inputs = {x.view, View::row_major(DType::f32, size)};
  std::vector<const void*> addresses = {x.data(), packed.data()};
  if (c.bias) {
    inputs.push_back(bias.view);
    addresses.push_back(bias.data());
  }
  if (c.epilogue >= 0) {
    step.epilogue = test_epilogue(c.epilogue);
    if (c.epilogue == 2) {
      inputs.push_back(y.view);
      addresses.push_back(c.in_place ? y.data() : other.data());
    }
    if (c.epilogue >= 1) {
      View v = shift.view;
      v.rank = y.view.rank;
      v.extents.fill(1);
      v.extents[1] = c.filters;
      v.strides = {0, 1};
      inputs.push_back(v);
      addresses.push_back(shift.data());
    }
  }
  std::vector<double> expected = scatter(c, x, w);
  const std::int64_t pixels = product(c.out);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const std::int64_t m = index / pixels % c.filters;
    double& v = expected[i];
    if (c.bias) v += bias.at(m);
    if (c.clamp) v = std::min(std::max(v, -0.5), 0.75);
    if (c.epilogue >= 0) v *= c.epilogue == 2 ? other.at(index) : 2;
    if (c.epilogue >= 1) v += shift.at(m);
  }
  for (const Level level : levels_here())
    for (const int threads : {1, 3}) {
      for (std::int64_t i = 0; i < y.view.count(); ++i) y.at(i) = c.in_place ? other.at(i) : NAN;
      Result<PreparedPtr> made = prepare(step, Shapes{inputs, {&y.view, 1}, level, threads});
      ASSERT_TRUE(made.ok()) << made.status().message();
      run_shares(**made, addresses, y.data(), threads);
      const auto terms = static_cast<double>(c.channels * product(c.kernel));
      expect_near(y, expected, 1e-6 * terms + 1e-5, std::string(level_name(level)));
    }
}

void check_layouts(Case c) {
  for (const bool x : {false, true})
    for (const bool y : {false, true}) {
      c.planar_x = x;
      c.planar_y = y;
      check_all(c);
    }
}

Case image(std::int64_t channels, std::int64_t filters, std::int64_t kernel, std::int64_t stride,
           std::int64_t pad, std::int64_t out) {
  Case c;
  c.channels = channels;
  c.filters = filters;
  c.in = {6, 9};
  c.kernel = {kernel, kernel};
  c.strides = {stride, stride};
  c.pads = {pad, pad};
  c.out = {out, out + 3 * stride};
  return c;
}

TEST(ConvTranspose, WithoutOverlap) {
  for (const std::int64_t filters : {1, 3, 16, 40}) {
    check_layouts(image(20, filters, 2, 2, 0, 12));
    check_layouts(image(20, filters, 3, 3, 0, 18));
    check_all(image(20, filters, 2, 3, 0, 17));  // some outputs meet no tap
  }
}

TEST(ConvTranspose, Windows) {
  for (const std::int64_t kernel : {1, 3, 4, 5})
    for (const std::int64_t stride : {1, 2, 3})
      for (const std::int64_t pad : {-1, 0, 1, 2}) {
        Case c = image(7, 18, kernel, stride, pad, 5 * stride + kernel - pad);
        check_all(c);
        c.dilations = {2, 3};
        c.bias = true;
        check_all(c);
      }
}

TEST(ConvTranspose, GroupsAndChannelwise) {
  Case c = image(12, 30, 4, 2, 1, 12);
  c.group = 3;
  check_layouts(c);
  c = image(12, 12, 4, 2, 1, 12);
  c.group = 12;
  check_layouts(c);
  c.filters = 24;
  check_layouts(c);
  c = image(12, 12, 2, 3, 0, 17);  // some outputs meet no tap
  c.group = 12;
  c.out = {17, 2};
  check_layouts(c);
}

TEST(ConvTranspose, OtherAxes) {
  Case c;
  c.channels = 5, c.filters = 17;
  c.in = {40}, c.kernel = {16}, c.strides = {8}, c.pads = {4}, c.out = {320};
  check_layouts(c);
  c.in = {3, 4, 5}, c.kernel = {2, 3, 3}, c.strides = {2, 2, 1}, c.pads = {0, 1, 1};
  c.out = {6, 8, 5};
  c.batch = 2;
  check_layouts(c);
}

TEST(ConvTranspose, Epilogues) {
  for (const int operands : {0, 1, 2})
    for (const bool in_place : {false, true})
      for (const std::int64_t kernel : {2, 3}) {
        Case c = image(10, 20, kernel, 2, 0, 12 + kernel % 2);
        c.batch = 2;
        c.bias = c.clamp = true;
        c.epilogue = operands;
        c.in_place = in_place && operands == 2;
        check_layouts(c);
      }
}

TEST(ConvTranspose, RefusesWhatItCannotDo) {
  TestTensor x({1, 3, 4}), w({100}), y({1, 5, 4});
  const View inputs[] = {x.view, w.view};
  ConvTransposeStep step;
  step.kernel = {1};
  step.channels = 3;
  step.filters = 5;
  step.strides = {std::int64_t{1} << 40};
  EXPECT_EQ(prepare(step, Shapes{inputs, {&y.view, 1}, Level::v2, 1}).status().code(),
            Code::unsupported);
  step.strides = {};
  step.channels = 4;
  EXPECT_EQ(prepare(step, Shapes{inputs, {&y.view, 1}, Level::v2, 1}).status().code(),
            Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
