// Products of bf16 on every level, with numbers whose sums are exact.
#include "kernels/gemm/bf16.h"

#include <bit>
#include <limits>

#include "kernels/conv/conv.h"
#include "kernels/matmul/matmul.h"
#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

// Small whole numbers and, beside each, its bf16.
struct Numbers {
  std::vector<float> exact;
  std::vector<std::uint16_t> narrow;
  explicit Numbers(std::int64_t count, std::uint32_t seed) {
    std::mt19937 random(seed);
    for (std::int64_t i = 0; i < count; ++i) {
      exact.push_back(static_cast<float>(static_cast<int>(random() % 31) - 15));
      narrow.push_back(bf16_of(exact.back()));
    }
  }
};

View view_of(DType dtype, std::vector<std::int64_t> extents) {
  return View::row_major(dtype, extents);
}

// Runs a step of x and packed weights to y, on all levels and in one to three shares.
template <class Step, class Check>
void run(const Step& step, const View& x, const void* in, const std::vector<float>& packed,
         const View& y, std::vector<float>& out, Check check) {
  const std::int64_t size[] = {std::ssize(packed)};
  const View inputs[] = {x, View::row_major(DType::f32, size)};
  const View outputs[] = {y};
  const void* from[] = {in, packed.data()};
  void* to[] = {out.data()};
  for (const Level level : levels())
    for (int parts = 1; parts <= 3; ++parts) {
      std::fill(out.begin(), out.end(), -1.0F);
      const Result<PreparedPtr> p = prepare(step, Shapes{inputs, outputs, level, 16});
      ASSERT_TRUE(p.ok()) << p.status().message();
      for (int part = 0; part < parts; ++part) {
        std::vector<std::byte> memory((*p)->workspace + 64);
        auto* aligned = reinterpret_cast<std::byte*>(
            (reinterpret_cast<std::uintptr_t>(memory.data()) + 63) / 64 * 64);
        (*p)->run({from, to, aligned}, part, parts);
      }
      check(level_name(level));
    }
}

TEST(Bf16, RoundsToEven) {
  EXPECT_EQ(bf16_of(1.0F), 0x3F80);
  EXPECT_EQ(bf16_of(std::bit_cast<float>(0x3F808000U)), 0x3F80);
  EXPECT_EQ(bf16_of(std::bit_cast<float>(0x3F818000U)), 0x3F82);
  EXPECT_EQ(bf16_of(std::bit_cast<float>(0x3F808001U)), 0x3F81);
  EXPECT_EQ(bf16_of(std::numeric_limits<float>::quiet_NaN()) & 0x7FC0, 0x7FC0);
}

TEST(Bf16, MatMul) {
  for (const std::int64_t rows : {1, 5, 40})
    for (const std::int64_t k : {2, 34, 128})
      for (const std::int64_t n : {1, 16, 70}) {
        const Numbers a(rows * k, 1), b(k * n, 2);
        MatMulStep step;
        step.packed = step.bf16 = true;
        step.k = k;
        step.n = n;
        std::vector<float> packed(packed_matmul_size(k / 2, n) / sizeof(float));
        pack_matmul_bf16(b.exact.data(), k, n, n, 1, packed.data());
        std::vector<float> y(static_cast<std::size_t>(rows * n));
        run(step, view_of(DType::bf16, {rows, k}), a.narrow.data(), packed,
            view_of(DType::f32, {rows, n}), y, [&](std::string_view level) {
              for (std::int64_t i = 0; i < rows * n; ++i) {
                float sum = 0;
                for (std::int64_t c = 0; c < k; ++c)
                  sum += a.exact[static_cast<std::size_t>(i / n * k + c)] *
                         b.exact[static_cast<std::size_t>(c * n + i % n)];
                ASSERT_EQ(y[static_cast<std::size_t>(i)], sum) << level << " at " << i;
              }
            });
      }
}

TEST(Bf16, ConvolutionsChannelsLast) {
  constexpr std::int64_t kHeight = 7, kWidth = 6, kFilters = 20;
  for (const std::int64_t channels : {4, 18})
    for (const std::int64_t taps : {1, 3}) {
      const Numbers x(kHeight * kWidth * channels, 3), w(kFilters * channels * taps * taps, 4);
      ConvStep step;
      step.bf16 = true;
      step.kernel = {taps, taps};
      step.pads_begin = {taps / 2, taps / 2};
      step.channels = channels;
      step.filters = kFilters;
      std::vector<float> packed(packed_conv_size(step) / sizeof(float));
      pack_conv(step, w.exact.data(), packed.data());
      View in = view_of(DType::bf16, {1, channels, kHeight, kWidth});
      View out = view_of(DType::f32, {1, kFilters, kHeight, kWidth});
      in.strides = {kHeight * kWidth * channels, 1, kWidth * channels, channels};
      out.strides = {kHeight * kWidth * kFilters, 1, kWidth * kFilters, kFilters};
      std::vector<float> y(static_cast<std::size_t>(kHeight * kWidth * kFilters));
      const auto expected = [&](std::int64_t i) {
        const std::int64_t f = i % kFilters, px = i / kFilters % kWidth, py = i / kFilters / kWidth;
        float sum = 0;
        for (std::int64_t c = 0; c < channels; ++c)
          for (std::int64_t t = 0; t < taps * taps; ++t) {
            const std::int64_t qy = py + t / taps - taps / 2, qx = px + t % taps - taps / 2;
            if (qy < 0 || qy >= kHeight || qx < 0 || qx >= kWidth) continue;
            sum += x.exact[static_cast<std::size_t>((qy * kWidth + qx) * channels + c)] *
                   w.exact[static_cast<std::size_t>((f * channels + c) * taps * taps + t)];
          }
        return sum;
      };
      run(step, in, x.narrow.data(), packed, out, y, [&](std::string_view level) {
        for (std::int64_t i = 0; i < std::ssize(y); ++i)
          ASSERT_EQ(y[static_cast<std::size_t>(i)], expected(i)) << level << " at " << i;
      });
    }
}

TEST(Bf16, RefusesWhatHasNoPairs) {
  MatMulStep step;
  step.packed = step.bf16 = true;
  step.k = 3;
  step.n = 4;
  const View inputs[] = {view_of(DType::bf16, {2, 3}), view_of(DType::f32, {64})};
  const View outputs[] = {view_of(DType::f32, {2, 4})};
  EXPECT_FALSE(prepare(step, Shapes{inputs, outputs, Level::v2, 1}).ok());
  View apart = view_of(DType::bf16, {2, 4});
  apart.strides = {1, 2};
  EXPECT_FALSE(as_pairs(apart, 1).ok());
}

}  // namespace
}  // namespace gossamer::kernels
