// Rounding of doubles to narrow floats.
#include "base/float_bits.h"

#include <algorithm>
#include <cmath>

namespace gossamer {
namespace {

constexpr int kFractionBits = 52;
constexpr std::uint64_t kOne = std::uint64_t{1} << kFractionBits;

// value / 2^shift rounded to nearest, ties to even; shift > 0.
std::uint64_t shift_rounded(std::uint64_t value, int shift) {
  const std::uint64_t quotient = value >> shift;
  const std::uint64_t rest = value & ((std::uint64_t{1} << shift) - 1);
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  const bool up = rest > half || (rest == half && (quotient & 1) != 0);
  return quotient + (up ? 1 : 0);
}

}  // namespace

std::uint32_t encode_float(const FloatFormat& format, double value, bool saturate) {
  const bool has_signed_nan =
      format.specials == Specials::infinities || format.specials == Specials::nan_at_top;
  const std::uint32_t sign = std::signbit(value) ? format.sign_bit() : 0;
  const std::uint32_t nan = format.nan() | (has_signed_nan ? sign : 0);
  if (std::isnan(value)) return nan;

  const std::uint64_t bits = std::bit_cast<std::uint64_t>(std::fabs(value));
  // A double below its own normal range rounds to zero in every narrow format, as 2^-1023 does.
  const int exponent = static_cast<int>(bits >> kFractionBits) - 1023;
  const std::uint64_t significand = (bits & (kOne - 1)) | (bits == 0 ? 0 : kOne);
  const int below_normal = std::max(0, 1 - format.bias - exponent);
  // 54 shifts everything out, and rounds down.
  const int shift = std::min(kFractionBits - format.mantissa_bits + below_normal, 54);
  std::uint64_t code = shift_rounded(significand, shift);
  if (below_normal == 0) {
    // The significand's leading one adds one to the exponent; a carry adds another.
    code += static_cast<std::uint64_t>(exponent + format.bias - 1) << format.mantissa_bits;
  }
  if (code > format.max()) {  // infinity, too
    if (saturate || format.specials == Specials::none) return format.max() | sign;
    return format.specials == Specials::infinities ? format.infinity() | sign : nan;
  }
  const bool unsigned_zero = code == 0 && format.specials == Specials::nan_at_minus;
  return static_cast<std::uint32_t>(code) | (unsigned_zero ? 0 : sign);
}

F8E8M0 round_to_power(double value, PowerRounding rounding, bool saturate) {
  constexpr std::uint8_t kNaN = 0xFF;
  constexpr int kMaxExponent = 127;
  if (!std::isfinite(value)) return {kNaN};
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(std::fabs(value));
  const std::uint64_t fraction = bits & (kOne - 1);
  int exponent = static_cast<int>(bits >> kFractionBits) - 1023;
  const bool up = (rounding == PowerRounding::up && fraction != 0) ||
                  (rounding == PowerRounding::nearest && fraction >= kOne / 2);
  if (up) ++exponent;
  if (exponent > kMaxExponent) {
    if (!saturate) return {kNaN};
    exponent = kMaxExponent;
  }
  return {static_cast<std::uint8_t>(std::max(exponent, -kMaxExponent) + kMaxExponent)};
}

double odd_double(std::uint64_t value) {
  const int excess = 64 - kFractionBits - 1 - std::countl_zero(value);
  if (excess <= 0) return static_cast<double>(value);
  const std::uint64_t dropped = value & ((std::uint64_t{1} << excess) - 1);
  const std::uint64_t kept = (value >> excess) | (dropped != 0 ? 1 : 0);
  return std::ldexp(static_cast<double>(kept), excess);
}

double odd_double(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? -odd_double(0 - bits) : odd_double(bits);
}

}  // namespace gossamer
