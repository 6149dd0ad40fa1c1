// Conversions of a tile: cast, bits, quantize, dequantize, and the wide types that they go through.
#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>

#include "base/float_bits.h"
#include "reference/pointwise_ops.h"

namespace gossamer::reference {
namespace {

template <class T>
concept PlainInteger = std::integral<T>;  // bool included
template <class T>
concept NarrowInteger = requires(T v) { v.value; };
template <class T>
concept AnyFloat = std::floating_point<T> || requires(T v) { v.bits; };

template <class T>
auto integer_value(T v) {
  if constexpr (PlainInteger<T>)
    return v;
  else
    return v.value;
}

// The element of integer type T that the low bits of `v` make.
template <class T>
T from_low_bits(std::uint64_t v) {
  if constexpr (std::same_as<T, bool>) {
    return v != 0;
  } else if constexpr (PlainInteger<T>) {
    return static_cast<T>(v);
  } else {
    constexpr int kBits = std::same_as<T, I2> || std::same_as<T, U2> ? 2 : 4;
    const auto low = static_cast<int>(v & ((1U << kBits) - 1));
    constexpr bool kSigned = std::same_as<T, I2> || std::same_as<T, I4>;
    const int value = kSigned && low >= (1 << (kBits - 1)) ? low - (1 << kBits) : low;
    return T{static_cast<decltype(T::value)>(value)};
  }
}

// Truncates to 64 bits, saturating; NaN gives 0. Numbers beyond 2^63 keep their value where T is
// u64.
template <class T, class Wide>
std::uint64_t truncate(Wide v) {
  constexpr Wide kLimit = static_cast<Wide>(0x1p63);
  if (std::isnan(v)) return 0;
  if (v >= kLimit) {
    if (!std::same_as<T, std::uint64_t>) return std::numeric_limits<std::int64_t>::max();
    return v >= 2 * kLimit ? std::numeric_limits<std::uint64_t>::max()
                           : static_cast<std::uint64_t>(v);
  }
  if (v < -kLimit) return std::uint64_t{1} << 63;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
}

PowerRounding power_rounding(CastRounding r) {
  if (r == CastRounding::nearest) return PowerRounding::nearest;
  return r == CastRounding::up ? PowerRounding::up : PowerRounding::down;
}

template <class T, class Wide>
T narrow(Wide v, StoreMode mode) {
  if constexpr (AnyFloat<T>) {
    if constexpr (std::same_as<T, F8E8M0> && std::floating_point<Wide>)
      return round_to_power(v, power_rounding(mode.rounding), mode.saturate);
    else if constexpr (std::same_as<T, F8E8M0>)
      return round_to_power(odd_double(v), power_rounding(mode.rounding), mode.saturate);
    else
      return round_to<T>(v, mode.saturate);
  } else if constexpr (std::floating_point<Wide>) {
    if constexpr (std::same_as<T, bool>)
      return v != 0;  // true for NaN
    else
      return from_low_bits<T>(truncate<T>(v));
  } else {
    return from_low_bits<T>(static_cast<std::uint64_t>(v));
  }
}

}  // namespace

template <class Wide>
void load_tile(TileOperand from, Wide* to, int n) {
  visit_dtype(from.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = static_cast<const T*>(from.data);
    if constexpr (PlainInteger<T> || NarrowInteger<T>) {
      for (int i = 0; i < n; ++i) to[i] = static_cast<Wide>(integer_value(x[i]));
    } else if constexpr (AnyFloat<T> && std::floating_point<Wide>) {
      for (int i = 0; i < n; ++i) {
        if constexpr (std::same_as<T, double>)
          to[i] = static_cast<Wide>(x[i]);
        else
          to[i] = to_float(x[i]);
      }
    }
  });
}
template void load_tile(TileOperand, float*, int);
template void load_tile(TileOperand, double*, int);
template void load_tile(TileOperand, std::int64_t*, int);

template <class Wide>
void store_tile(const Wide* from, DType dtype, void* to, int n, StoreMode mode) {
  visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (PlainInteger<T> || NarrowInteger<T> || AnyFloat<T>) {
      T* y = static_cast<T*>(to);
      for (int i = 0; i < n; ++i) y[i] = narrow<T>(from[i], mode);
    }
  });
}
template void store_tile(const float*, DType, void*, int, StoreMode);
template void store_tile(const double*, DType, void*, int, StoreMode);
template void store_tile(const std::int64_t*, DType, void*, int, StoreMode);
template void store_tile(const std::uint64_t*, DType, void*, int, StoreMode);

void convert_tile(TileOperand from, DType dtype, void* to, int n, StoreMode mode) {
  if (from.dtype == dtype) {
    std::memcpy(to, from.data, static_cast<std::size_t>(n) * dtype_size(dtype));
  } else if (dtype == DType::f32) {
    load_tile(from, static_cast<float*>(to), n);
  } else if (from.dtype == DType::f32) {
    store_tile(static_cast<const float*>(from.data), dtype, to, n, mode);
  } else if (from.dtype == DType::u64) {
    store_tile(static_cast<const std::uint64_t*>(from.data), dtype, to, n, mode);
  } else if (is_floating(from.dtype)) {
    double wide[kTile];
    load_tile(from, wide, n);
    store_tile(wide, dtype, to, n, mode);
  } else {
    std::int64_t wide[kTile];
    load_tile(from, wide, n);
    store_tile(wide, dtype, to, n, mode);
  }
}

void bits_tile(TileOperand from, DType dtype, void* to, int n) {
  const int bits = dtype_info(dtype).file_bits;
  if (bits >= 8 && dtype != DType::boolean) {
    std::memcpy(to, from.data, static_cast<std::size_t>(n) * dtype_size(dtype));
    return;
  }
  // Bytes of which only some bits count: booleans are 0 or 1, signed ones are extended.
  const auto* x = static_cast<const std::uint8_t*>(from.data);
  auto* y = static_cast<std::uint8_t*>(to);
  const unsigned mask = (1U << bits) - 1;
  const unsigned sign = is_signed_integer(dtype) ? 1U << (bits - 1) : 0;
  for (int i = 0; i < n; ++i) {
    const unsigned low = x[i] & mask;
    y[i] = dtype == DType::boolean ? low != 0 : static_cast<std::uint8_t>((low ^ sign) - sign);
  }
}

namespace {

// x/s in `precision`: operands are rounded to it first, the quotient after.
template <class Wide>
void divide(const Instruction& in, std::span<const TileOperand> operands, Wide* quotient, int n) {
  Wide scale[kTile];
  load_tile(operands[0], quotient, n);
  load_tile(operands[1], scale, n);
  std::uint16_t half[kTile];
  const bool rounded = in.precision == DType::f16 || in.precision == DType::bf16;
  auto round = [&](Wide* v) {
    if (!rounded) return;
    store_tile(v, in.precision, half, n);
    load_tile({in.precision, half}, v, n);
  };
  round(quotient);
  round(scale);
  for (int i = 0; i < n; ++i) quotient[i] /= scale[i];
  round(quotient);
}

template <class Wide>
void quantize_as(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  Wide v[kTile];
  divide(in, operands, v, n);
  if (is_floating(in.dtype)) {
    Wide zero[kTile];
    load_tile(operands[2], zero, n);
    for (int i = 0; i < n; ++i)
      if (zero[i] != 0) v[i] += zero[i];  // -0 stays -0
    store_tile(v, in.dtype, out, n, {in.saturate, in.rounding});
    return;
  }
  const int bits = dtype_info(in.dtype).file_bits;
  const bool is_signed = is_signed_integer(in.dtype);
  const std::int64_t low = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0;
  const std::int64_t high = (std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1;
  constexpr Wide kFar = static_cast<Wide>(0x1p40);  // beyond any zero point's reach
  std::int64_t q[kTile];
  load_tile(operands[2], q, n);
  for (int i = 0; i < n; ++i) {
    const Wide r = std::isnan(v[i]) ? 0 : std::clamp(std::nearbyint(v[i]), -kFar, kFar);
    q[i] = std::clamp(static_cast<std::int64_t>(r) + q[i], low, high);
  }
  store_tile(q, in.dtype, out, n);
}

template <class Wide>
void dequantize_as(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  Wide v[kTile];
  Wide scale[kTile];
  if (is_floating(operands[0].dtype)) {
    load_tile(operands[0], v, n);
    load_tile(operands[2], scale, n);
    for (int i = 0; i < n; ++i)
      if (scale[i] != 0) v[i] -= scale[i];  // the zero points; -0 stays -0
  } else {
    std::int64_t q[kTile];
    std::int64_t zero[kTile];
    load_tile(operands[0], q, n);
    load_tile(operands[2], zero, n);
    for (int i = 0; i < n; ++i) v[i] = static_cast<Wide>(q[i] - zero[i]);
  }
  load_tile(operands[1], scale, n);
  for (int i = 0; i < n; ++i) v[i] *= scale[i];
  store_tile(v, in.dtype, out, n);
}

}  // namespace

void quantize_tile(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  if (in.precision == DType::f64)
    quantize_as<double>(in, operands, out, n);
  else
    quantize_as<float>(in, operands, out, n);
}

void dequantize_tile(const Instruction& in, std::span<const TileOperand> operands, void* out,
                     int n) {
  if (in.dtype == DType::f64)
    dequantize_as<double>(in, operands, out, n);
  else
    dequantize_as<float>(in, operands, out, n);
}

}  // namespace gossamer::reference
