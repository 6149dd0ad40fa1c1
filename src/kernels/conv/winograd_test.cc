// Winograd's products against plain loops: sizes around tiles and blocks, layouts, shares,
// epilogues, numbers that are not finite.
#include "kernels/conv/winograd.h"

#include <cstring>

#include "kernels/conv/conv.h"
#include "kernels/gemm/product_test.h"

namespace gossamer::kernels {
namespace {

constexpr std::int64_t kPixelGap = 5;

struct Case {
  std::int64_t batch = 1, channels = 32, filters = 32, height = 16, width = 16;
  std::int64_t top = 1, left = 1, bottom = 1, right = 1;  // padding
  bool bias = true;
  int epilogue = -1;
  bool planar = false;  // y
  float odd = 0;        // not 0: stands for one element of x
};

TestTensor channels_last(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w,
                         bool planar = false) {
  TestLayout l;
  if (!planar) l = {{0, 2, 3, 1}, kPixelGap};
  return TestTensor({n, c, h, w}, l);
}

std::vector<double> plain(const Case& c, const TestTensor& x, const TestTensor& w,
                          const TestTensor& bias, const TestTensor& y, const TestTensor& other,
                          const TestTensor& shift) {
  std::vector<double> out;
  const auto& e = y.view.extents;
  for (std::int64_t i = 0; i < y.view.count(); ++i) {
    const std::int64_t ox = i % e[3], oy = i / e[3] % e[2], m = i / e[3] / e[2] % e[1];
    const std::int64_t n = i / e[3] / e[2] / e[1];
    double sum = c.bias ? bias.at(m) : 0;
    for (std::int64_t t = 0; t < 9; ++t) {
      const std::int64_t iy = oy + t / 3 - c.top, ix = ox + t % 3 - c.left;
      if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
      for (std::int64_t k = 0; k < c.channels; ++k)
        sum += static_cast<double>(x.data()[n * x.view.strides[0] + k + iy * x.view.strides[2] +
                                            ix * x.view.strides[3]]) *
               w.data()[(m * c.channels + k) * 9 + t];
    }
    sum = sum < -2 ? -2 : sum > 2.5 ? 2.5 : sum;
    if (c.epilogue >= 0) sum *= c.epilogue == 2 ? other.at(i) : 2;
    if (c.epilogue >= 1) sum += shift.at(m);
    out.push_back(sum);
  }
  return out;
}

void check(const Case& c) {
  const std::int64_t out_height = c.height + c.top + c.bottom - 2;
  const std::int64_t out_width = c.width + c.left + c.right - 2;
  TestTensor x = channels_last(c.batch, c.channels, c.height, c.width);
  TestTensor y = channels_last(c.batch, c.filters, out_height, out_width, c.planar);
  TestTensor w({c.filters, c.channels, 9}), bias({c.filters}), other = y, shift({c.filters});
  x.fill(1), w.fill(2), bias.fill(3), other.fill(4), shift.fill(5);
  if (c.odd != 0) x.at(x.view.count() / 2) = c.odd;
  ConvStep step;
  step.kernel = {3, 3};
  step.pads_begin = {c.top, c.left};
  step.channels = c.channels;
  step.filters = c.filters;
  step.bias = c.bias;
  step.low = -2;
  step.high = 2.5F;
  std::vector<float> packed(packed_conv_size(step) / sizeof(float));
  pack_conv(step, w.data(), packed.data());
  const std::int64_t size[] = {std::ssize(packed)};
  std::vector<View> inputs = {x.view, View::row_major(DType::f32, size)};
  std::vector<const void*> addresses = {x.data(), packed.data()};
  const auto add = [&](const View& view, const float* data) {
    inputs.push_back(view);
    addresses.push_back(data);
  };
  if (c.bias) add(bias.view, bias.data());
  if (c.epilogue >= 0) step.epilogue = test_epilogue(c.epilogue);
  if (c.epilogue == 2) add(y.view, other.data());
  if (c.epilogue >= 1) {
    View v = y.view;
    v.strides = {0, 1, 0, 0};
    add(v, shift.data());
  }
  const std::vector<double> expected = plain(c, x, w, bias, y, other, shift);
  for (const Level level : levels_here()) {
    std::vector<float> first;
    for (const int threads : {1, 2, 3}) {
      Result<PreparedPtr> made = prepare(step, Shapes{inputs, {&y.view, 1}, level, threads});
      ASSERT_TRUE(made.ok()) << made.status().message();
      for (std::int64_t i = 0; i < y.view.count(); ++i) y.at(i) = NAN;
      run_shares(**made, addresses, y.data(), threads);
      const std::string what = std::string(level_name(level)) + " " + std::to_string(c.batch) +
                               "x" + std::to_string(c.channels) + "x" + std::to_string(c.height) +
                               "x" + std::to_string(c.width) + " to " + std::to_string(c.filters);
      expect_near(y, expected, 3e-6 * static_cast<double>(c.channels) + 1e-5, what);
      if (first.empty()) first = y.memory;
      EXPECT_EQ(0, std::memcmp(first.data(), y.memory.data(), 4 * first.size())) << what;
    }
  }
}

Case image(std::int64_t channels, std::int64_t filters, std::int64_t height, std::int64_t width) {
  Case c;
  c.channels = channels;
  c.filters = filters;
  c.height = height;
  c.width = width;
  return c;
}

// Whether the algorithm is taken at all.
std::size_t workspace_of(const Case& c) {
  ConvStep step;
  step.kernel = {3, 3};
  step.pads_begin = {1, 1};
  step.channels = c.channels;
  step.filters = c.filters;
  const TestTensor x = channels_last(c.batch, c.channels, c.height, c.width);
  const TestTensor y = channels_last(c.batch, c.filters, c.height, c.width);
  const std::int64_t size[] = {static_cast<std::int64_t>(packed_conv_size(step) / sizeof(float))};
  const View inputs[] = {x.view, View::row_major(DType::f32, size)};
  Result<PreparedPtr> made = prepare(step, Shapes{inputs, {&y.view, 1}, Level::v2, 1});
  return made.ok() ? (*made)->workspace : 0;
}

TEST(Winograd, IsTakenWhereItPays) {
  EXPECT_GT(workspace_of(image(64, 64, 56, 56)), 36U * 64 * 64 * 4);
  EXPECT_LT(workspace_of(image(64, 64, 4, 4)), 36U * 64 * 64 * 4);
}

TEST(Winograd, Sizes) {
  for (const std::int64_t height : {16, 17, 22})
    for (const std::int64_t width : {16, 19, 45}) check(image(32, 48, height, width));
  check(image(20, 17, 33, 30));
  check(image(100, 70, 20, 20));
  check(image(16, 16, 8, 400));
}

TEST(Winograd, ManyPanels) {
  check(image(128, 128, 28, 28));
  check(image(260, 90, 14, 14));
}

TEST(Winograd, Padding) {
  for (const std::int64_t side : {0, 2}) {
    Case c = image(32, 32, 20, 18);
    c.top = side;
    c.right = side;
    check(c);
    c.bottom = c.left = 2 - side;
    check(c);
  }
}

TEST(Winograd, Batches) {
  Case c = image(48, 40, 13, 13);
  c.batch = 3;
  check(c);
  c.bias = false;
  check(c);
}

TEST(Winograd, Epilogues) {
  for (const int epilogue : {0, 1, 2})
    for (const bool planar : {false, true}) {
      Case c = image(32, 40, 21, 21);
      c.epilogue = epilogue;
      c.planar = planar;
      check(c);
      c.width = 300;
      check(c);
    }
}

// Tiles that numbers reach which are not finite, or too large, are plain sums: other pixels and
// filters never see them.
TEST(Winograd, OddNumbers) {
  for (const float odd : {INFINITY, -INFINITY, 3e38F, NAN}) {
    Case c = image(64, 32, 24, 24);
    c.odd = odd;
    if (!std::isnan(odd)) check(c);
    c.width = 100;
    if (!std::isnan(odd)) check(c);
  }
}

}  // namespace
}  // namespace gossamer::kernels
