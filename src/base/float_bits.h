// Conversions between the narrow floats and float or double: exact outward, one rounding to nearest
// even inward. F16 and BF16 are inline arithmetic, the formats of a byte or less are read from a
// table, and one codec driven by a description of the format does the rest.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>

#include "base/dtype.h"

namespace gossamer {

// Which codes of a format are no numbers.
enum class Specials : std::uint8_t {
  infinities,    // as IEEE 754: the greatest exponent holds infinity and NaNs
  nan_at_top,    // only the code of all ones is NaN (either sign)
  nan_at_minus,  // only "minus zero" is NaN
  none,          // every code is a finite number
};

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  Specials specials;

  constexpr std::uint32_t sign_bit() const { return 1U << (exponent_bits + mantissa_bits); }
  constexpr std::uint32_t infinity() const { return ((1U << exponent_bits) - 1) << mantissa_bits; }
  // The code of the greatest finite number.
  constexpr std::uint32_t max() const {
    if (specials == Specials::infinities) return infinity() - 1;
    return sign_bit() - (specials == Specials::nan_at_top ? 2 : 1);
  }
  // The code a NaN becomes; where there is no NaN, minus zero.
  constexpr std::uint32_t nan() const {
    if (specials == Specials::infinities) return infinity() | 1U << (mantissa_bits - 1);
    return specials == Specials::nan_at_top ? sign_bit() - 1 : sign_bit();
  }
};

// The format of an element type, for the types with a sign, an exponent and a mantissa.
template <class T>
inline constexpr FloatFormat float_format = {};
template <>
inline constexpr FloatFormat float_format<F4E2M1> = {2, 1, 1, Specials::none};
template <>
inline constexpr FloatFormat float_format<F6E2M3> = {2, 3, 1, Specials::none};
template <>
inline constexpr FloatFormat float_format<F6E3M2> = {3, 2, 3, Specials::none};
template <>
inline constexpr FloatFormat float_format<F8E4M3FN> = {4, 3, 7, Specials::nan_at_top};
template <>
inline constexpr FloatFormat float_format<F8E4M3FNUZ> = {4, 3, 8, Specials::nan_at_minus};
template <>
inline constexpr FloatFormat float_format<F8E5M2> = {5, 2, 15, Specials::infinities};
template <>
inline constexpr FloatFormat float_format<F8E5M2FNUZ> = {5, 2, 16, Specials::nan_at_minus};
template <>
inline constexpr FloatFormat float_format<BF16> = {8, 7, 127, Specials::infinities};
template <>
inline constexpr FloatFormat float_format<F16> = {5, 10, 15, Specials::infinities};

// The number that a code of `format` stands for; bits above the sign are ignored.
constexpr float decode_float(const FloatFormat& format, std::uint32_t code) {
  const bool negative = (code & format.sign_bit()) != 0;
  const std::uint32_t magnitude = code & (format.sign_bit() - 1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  if (format.specials == Specials::nan_at_minus && negative && magnitude == 0) return kNaN;
  if (magnitude > format.max()) {
    const bool infinite = format.specials == Specials::infinities && magnitude == format.infinity();
    return infinite ? (negative ? -kInfinity : kInfinity) : kNaN;
  }
  const std::uint32_t exponent = magnitude >> format.mantissa_bits;
  const std::uint32_t one = 1U << format.mantissa_bits;
  const std::uint32_t fraction = magnitude & (one - 1);
  // fraction * 2^power in double, where every such number is normal.
  const int power =
      static_cast<int>(exponent == 0 ? 1 : exponent) - format.bias - format.mantissa_bits;
  const double unit = std::bit_cast<double>(static_cast<std::uint64_t>(1023 + power) << 52);
  const double value = unit * (exponent == 0 ? fraction : fraction + one);
  return static_cast<float>(negative ? -value : value);
}

// The code of `format` nearest to `value`, ties to even. What is beyond the greatest number, and
// infinity, becomes that number if `saturate` or if the format has nothing else; otherwise infinity
// or, where there is none, NaN. A NaN keeps its sign where NaNs have one.
std::uint32_t encode_float(const FloatFormat& format, double value, bool saturate);

namespace float_bits_internal {

template <class T>
constexpr std::array<float, 256> make_table() {
  std::array<float, 256> table{};
  for (std::uint32_t code = 0; code < 256; ++code) {
    table[code] = decode_float(float_format<T>, code);
  }
  return table;
}
template <class T>
inline constexpr std::array<float, 256> kTable = make_table<T>();

}  // namespace float_bits_internal

// Rounding of a magnitude to a power of two.
enum class PowerRounding : std::uint8_t { up, down, nearest };  // nearest: ties go up

// The power of two that |value| rounds to. 0 and what lies below 2^-127 give the least code; beyond
// 2^127: that code if `saturate`, else NaN. Infinity and NaN give NaN (0xFF).
F8E8M0 round_to_power(double value, PowerRounding rounding = PowerRounding::up,
                      bool saturate = true);

// Exact.
template <class T>
  requires(sizeof(T) == 1 && float_format<T>.exponent_bits > 0)
inline float to_float(T value) {
  return float_bits_internal::kTable<T>[value.bits];
}
template <std::same_as<float> T>
inline float to_float(T value) {
  return value;
}
inline float to_float(BF16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}
inline float to_float(F16 value) {
  const std::uint32_t sign = (value.bits & 0x8000U) << 16;
  const std::uint32_t magnitude = value.bits & 0x7FFFU;
  std::uint32_t bits = 0;
  if (magnitude < 0x400) {  // subnormal: a whole multiple of 2^-24
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24F);
  } else {
    const std::uint32_t rebias = magnitude < 0x7C00 ? 127 - 15 : 255 - 31;
    bits = (magnitude << 13) + (rebias << 23);
  }
  return std::bit_cast<float>(sign | bits);
}
inline float to_float(F8E8M0 value) {
  if (value.bits == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  if (value.bits == 0) return 0x1p-127F;
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 23);
}
// Exact. Every floating element type.
template <class T>
inline double to_double(T value)
  requires requires { to_float(value); }
{
  return static_cast<double>(to_float(value));
}
template <std::same_as<double> T>
inline double to_double(T value) {
  return value;
}

// The F16 or BF16 nearest to a float, ties to even; overflow gives infinity.
inline F16 float_to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t code = 0;
  if (magnitude >= 0x47800000U) {  // 2^16 and beyond
    code = magnitude > 0x7F800000U ? 0x7E00 : 0x7C00;
  } else if (magnitude < 0x38800000U) {  // below 2^-14
    // The unit in the last place of numbers from 0.5 to 1 is 2^-24, that of F16's subnormals.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    code = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F);
  } else {
    const std::uint32_t rebiased = magnitude - ((127U - 15U) << 23);
    code = (rebiased + 0xFFF + (rebiased >> 13 & 1)) >> 13;
  }
  return F16{static_cast<std::uint16_t>(sign | code)};
}
inline BF16 float_to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    return BF16{static_cast<std::uint16_t>((bits >> 16 & 0x8000U) | 0x7FC0U)};
  }
  return BF16{static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

// A double that rounds to any narrower float as the integer itself would: what does not fit is kept
// as an odd last bit.
double odd_double(std::int64_t value);
double odd_double(std::uint64_t value);

// The number of type T nearest to `value` (float, double or an integer), rounded once, ties to
// even. F16, BF16 and float overflow to infinity; f4 and f6 saturate, and a NaN gives minus zero;
// f8 by `saturate` (see encode_float); f8e8m0 rounds up (see round_to_power).
template <class T, class From>
  requires std::floating_point<From> || std::integral<From>
inline T round_to(From value, bool saturate = true) {
  if constexpr (std::floating_point<T>) {
    return static_cast<T>(value);
  } else if constexpr (std::same_as<From, float> && std::same_as<T, F16>) {
    return float_to_f16(value);
  } else if constexpr (std::same_as<From, float> && std::same_as<T, BF16>) {
    return float_to_bf16(value);
  } else if constexpr (std::integral<From>) {
    if constexpr (std::signed_integral<From>) {
      return round_to<T>(odd_double(std::int64_t{value}), saturate);
    } else {
      return round_to<T>(odd_double(std::uint64_t{value}), saturate);
    }
  } else if constexpr (std::same_as<T, F8E8M0>) {
    return round_to_power(value, PowerRounding::up, saturate);
  } else {
    const bool infinite = sizeof(T) == 2;
    return T{static_cast<decltype(T::bits)>(
        encode_float(float_format<T>, value, saturate && !infinite))};
  }
}

}  // namespace gossamer
