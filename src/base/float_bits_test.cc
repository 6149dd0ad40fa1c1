// Narrow floats: every code there and back, every tie and its neighbors, specials, saturation.
#include "base/float_bits.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gossamer {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class T>
class SignedFloat : public ::testing::Test {};
using SignedFloats =
    ::testing::Types<F4E2M1, F6E2M3, F6E3M2, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, BF16, F16>;
TYPED_TEST_SUITE(SignedFloat, SignedFloats);

template <class T>
T from_code(std::uint32_t code) {
  return T{static_cast<decltype(T::bits)>(code)};
}

TYPED_TEST(SignedFloat, EveryCodeReadsBack) {
  using T = TypeParam;
  const FloatFormat& format = float_format<T>;
  for (std::uint32_t code = 0; code < 2 * format.sign_bit(); ++code) {
    const T value = from_code<T>(code);
    const float number = to_float(value);
    EXPECT_EQ(std::isnan(number), std::isnan(decode_float(format, code)));
    if (std::isnan(number)) {
      EXPECT_TRUE(std::isnan(to_float(round_to<T>(number, false))));
      continue;
    }
    ASSERT_EQ(number, decode_float(format, code)) << code;
    ASSERT_EQ(round_to<T>(number, false).bits, value.bits) << code;
    ASSERT_EQ(round_to<T>(to_double(value), false).bits, value.bits) << code;
  }
}

TYPED_TEST(SignedFloat, TiesGoToTheEvenCodeAndNeighborsOfTiesDoNot) {
  using T = TypeParam;
  const FloatFormat& format = float_format<T>;
  for (std::uint32_t code = 0; code < format.max(); ++code) {
    const double low = to_double(from_code<T>(code));
    const double high = to_double(from_code<T>(code + 1));
    ASSERT_LT(low, high);
    const double tie = (low + high) / 2;
    const std::uint32_t even = code % 2 == 0 ? code : code + 1;
    for (const double sign : {1.0, -1.0}) {
      const std::uint32_t top = sign > 0 ? 0 : format.sign_bit();
      const auto bits = [&](std::uint32_t magnitude) {
        const bool no_sign = magnitude == 0 && format.specials == Specials::nan_at_minus;
        return magnitude | (no_sign ? 0 : top);
      };
      ASSERT_EQ(round_to<T>(sign * tie).bits, bits(even));
      ASSERT_EQ(round_to<T>(sign * std::nextafter(tie, 0.0)).bits, bits(code));
      ASSERT_EQ(round_to<T>(sign * std::nextafter(tie, kInf)).bits, bits(code + 1));
      const float single = static_cast<float>(tie);
      if (static_cast<double>(single) != tie) continue;  // half of BF16's least number
      const auto negative = static_cast<float>(sign);
      ASSERT_EQ(round_to<T>(negative * single).bits, bits(even));
      ASSERT_EQ(round_to<T>(negative * std::nextafter(single, 0.0F)).bits, bits(code));
      ASSERT_EQ(round_to<T>(negative * std::nextafter(single, HUGE_VALF)).bits, bits(code + 1));
    }
  }
}

struct Special {
  double value;
  bool saturate;
  std::uint32_t code;
};

template <class T>
void expect_codes(std::initializer_list<Special> cases) {
  for (const Special& c : cases) {
    EXPECT_EQ(round_to<T>(c.value, c.saturate).bits, c.code) << c.value << " " << c.saturate;
    EXPECT_EQ(round_to<T>(static_cast<float>(c.value), c.saturate).bits, c.code)
        << c.value << " " << c.saturate;
  }
}

TEST(FloatBits, E4M3FN) {
  expect_codes<F8E4M3FN>({{kNaN, true, 0x7F},
                          {kInf, true, 0x7E},
                          {-kInf, true, 0xFE},
                          {kInf, false, 0x7F},
                          {-kInf, false, 0xFF},
                          {448, false, 0x7E},
                          {464, false, 0x7E},
                          {465, false, 0x7F},
                          {465, true, 0x7E},
                          {-0.0, true, 0x80}});
  EXPECT_EQ(to_float(F8E4M3FN{0x7E}), 448.0F);
  EXPECT_EQ(to_float(F8E4M3FN{0x01}), 0x1p-9F);
}

TEST(FloatBits, E4M3FNUZ) {
  expect_codes<F8E4M3FNUZ>({{kNaN, true, 0x80},
                            {kInf, true, 0x7F},
                            {-kInf, true, 0xFF},
                            {kInf, false, 0x80},
                            {-kInf, false, 0x80},
                            {247, false, 0x7F},
                            {248, false, 0x80},
                            {-1000, true, 0xFF},
                            {-0.0, true, 0x00},
                            {-1e-9, true, 0x00}});
  EXPECT_EQ(to_float(F8E4M3FNUZ{0x7F}), 240.0F);
}

TEST(FloatBits, E5M2) {
  expect_codes<F8E5M2>({{kNaN, true, 0x7E},
                        {kInf, true, 0x7B},
                        {-kInf, true, 0xFB},
                        {kInf, false, 0x7C},
                        {-kInf, false, 0xFC},
                        {61439, false, 0x7B},
                        {61440, false, 0x7C},
                        {61440, true, 0x7B}});
  EXPECT_EQ(to_float(F8E5M2{0x7B}), 57344.0F);
  EXPECT_TRUE(std::isnan(to_float(F8E5M2{0x7D})));
}

TEST(FloatBits, E5M2FNUZ) {
  expect_codes<F8E5M2FNUZ>({{kNaN, true, 0x80},
                            {kInf, true, 0x7F},
                            {kInf, false, 0x80},
                            {61440, false, 0x80},
                            {-0.0, false, 0x00}});
  EXPECT_EQ(to_float(F8E5M2FNUZ{0x7F}), 57344.0F);
  EXPECT_EQ(to_float(F8E5M2FNUZ{0x01}), 0x1p-17F);
}

TEST(FloatBits, FourAndSixBitsAlwaysSaturate) {
  for (const bool saturate : {false, true}) {
    expect_codes<F4E2M1>({{kNaN, saturate, 0x8},
                          {kInf, saturate, 0x7},
                          {-kInf, saturate, 0xF},
                          {-7, saturate, 0xF},
                          {-0.1, saturate, 0x8}});
    expect_codes<F6E2M3>({{kNaN, saturate, 0x20}, {kInf, saturate, 0x1F}, {-1e9, saturate, 0x3F}});
    expect_codes<F6E3M2>({{kNaN, saturate, 0x20}, {kInf, saturate, 0x1F}, {-1e9, saturate, 0x3F}});
  }
  EXPECT_EQ(to_float(F4E2M1{0x7}), 6.0F);
  EXPECT_EQ(to_float(F6E2M3{0x1F}), 7.5F);
  EXPECT_EQ(to_float(F6E3M2{0x1F}), 28.0F);
}

TEST(FloatBits, HalvesOverflowToInfinityWhateverTheFlag) {
  for (const bool saturate : {false, true}) {
    expect_codes<F16>({{65519, saturate, 0x7BFF},
                       {65520, saturate, 0x7C00},
                       {-1e30, saturate, 0xFC00},
                       {kInf, saturate, 0x7C00},
                       {kNaN, saturate, 0x7E00},
                       {-0.0, saturate, 0x8000}});
    expect_codes<BF16>({{kInf, saturate, 0x7F80}, {kNaN, saturate, 0x7FC0}});
    EXPECT_EQ(round_to<BF16>(1e300, saturate).bits, 0x7F80);
  }
  EXPECT_EQ(round_to<BF16>(std::numeric_limits<float>::max()).bits, 0x7F80);
}

TEST(FloatBits, OneRoundingFromDouble) {
  // By way of float this would be a tie, and go down to 1.
  EXPECT_EQ(round_to<F16>(1.0 + 0x1p-11 + 0x1p-40).bits, 0x3C01);
  EXPECT_EQ(round_to<BF16>(1.0 + 0x1p-8 + 0x1p-40).bits, 0x3F81);
  EXPECT_EQ(round_to<float>(1.0 + 0x1p-24), 1.0F);
}

TEST(FloatBits, OneRoundingFromIntegers) {
  constexpr std::int64_t kTie = (std::int64_t{1} << 62) + (std::int64_t{1} << 54);
  EXPECT_EQ(to_float(round_to<BF16>(kTie)), 0x1p62F);
  EXPECT_EQ(to_float(round_to<BF16>(kTie + 1)), 0x1.02p62F);
  EXPECT_EQ(to_float(round_to<BF16>(-kTie - 1)), -0x1.02p62F);
  EXPECT_EQ(to_float(round_to<BF16>(std::numeric_limits<std::uint64_t>::max())), 0x1p64F);
  EXPECT_EQ(to_float(round_to<BF16>(std::numeric_limits<std::int64_t>::min())), -0x1p63F);
  EXPECT_EQ(round_to<F16>(2049).bits, round_to<F16>(2048).bits);
  EXPECT_EQ(round_to<float>(kTie + 1), static_cast<float>(kTie));
  EXPECT_EQ(odd_double(std::int64_t{0}), 0.0);
  EXPECT_EQ(odd_double(std::int64_t{-3}), -3.0);
}

TEST(FloatBits, PowersOfTwo) {
  struct Case {
    double value;
    std::uint8_t up, down, nearest;
  };
  const Case cases[] = {{1.1, 0x80, 0x7F, 0x7F},
                        {1.5, 0x80, 0x7F, 0x80},
                        {1.49, 0x80, 0x7F, 0x7F},
                        {-3, 0x81, 0x80, 0x81},
                        {0, 0, 0, 0},
                        {-0.0, 0, 0, 0},
                        {1e-300, 0, 0, 0},
                        {0x1p-127, 0, 0, 0},
                        {0x1.8p-127, 1, 0, 1},
                        {0x1p127, 0xFE, 0xFE, 0xFE},
                        {kNaN, 0xFF, 0xFF, 0xFF},
                        {kInf, 0xFF, 0xFF, 0xFF},
                        {0x1.8p127, 0xFE, 0xFE, 0xFE}};
  for (const Case& c : cases) {
    EXPECT_EQ(round_to_power(c.value, PowerRounding::up).bits, c.up) << c.value;
    EXPECT_EQ(round_to_power(c.value, PowerRounding::down).bits, c.down) << c.value;
    EXPECT_EQ(round_to_power(c.value, PowerRounding::nearest).bits, c.nearest) << c.value;
  }
  EXPECT_EQ(round_to_power(0x1.8p127, PowerRounding::up, false).bits, 0xFF);
  EXPECT_EQ(round_to<F8E8M0>(1.1F).bits, 0x80);
  for (int code = 0; code < 255; ++code) {
    const F8E8M0 value{static_cast<std::uint8_t>(code)};
    EXPECT_EQ(to_double(value), std::ldexp(1.0, code - 127));
    EXPECT_EQ(round_to<F8E8M0>(to_float(value)).bits, value.bits);
  }
  EXPECT_TRUE(std::isnan(to_float(F8E8M0{0xFF})));
}

}  // namespace
}  // namespace gossamer
