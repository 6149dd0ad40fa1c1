// Conversions to and from accumulators, in plain loops.
#include "reference/accumulate.h"

#include <cstring>
#include <limits>

#include "base/float_bits.h"

namespace gossamer::reference {
namespace {

template <class To, class From>
To widen_one(From v) {
  if constexpr (requires { v.value; }) {  // narrow integers
    return static_cast<To>(v.value);
  } else if constexpr (std::is_arithmetic_v<From>) {
    return static_cast<To>(v);
  } else if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(to_float(v));
  } else {
    return To{};
  }
}

template <class From>
constexpr bool kNumeric =
    !std::is_same_v<From, std::string> && !std::is_same_v<From, C64> && !std::is_same_v<From, C128>;
template <class T>
constexpr bool kWhole = std::is_integral_v<T> || requires(T v) { v.value; };

template <class To>
bool widen_to(const Tensor& x, Tensor& y) {
  auto out = y.mutable_values<To>();
  return visit_dtype(x.dtype(), [&](auto tag) {
    using From = typename decltype(tag)::type;
    if constexpr (kNumeric<From> && (std::is_floating_point_v<To> || kWhole<From>)) {
      auto in = x.values<From>();
      for (std::size_t i = 0; i < in.size(); ++i) out[i] = widen_one<To>(in[i]);
      return true;
    } else {
      return false;
    }
  });
}

template <class From>
void narrow_from(const Tensor& sums, Tensor& y) {
  auto in = sums.values<From>();
  visit_dtype(y.dtype(), [&](auto tag) {
    using To = typename decltype(tag)::type;
    if constexpr (std::is_floating_point_v<From> &&
                  (std::is_floating_point_v<To> || std::is_same_v<To, F16> ||
                   std::is_same_v<To, BF16>)) {
      auto out = y.mutable_values<To>();
      for (std::size_t i = 0; i < in.size(); ++i) out[i] = round_to<To>(in[i]);
    } else if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
      auto out = y.mutable_values<To>();
      for (std::size_t i = 0; i < in.size(); ++i) out[i] = static_cast<To>(in[i]);
    }
  });
}

}  // namespace

DType accumulator_of(DType dtype) {
  if (dtype == DType::f64) return DType::f64;
  if (is_floating(dtype)) return DType::f32;
  return dtype == DType::i64 || dtype == DType::u64 ? DType::i64 : DType::i32;
}

Result<DType> product_dtype(DType a, DType b, bool wide) {
  if (is_integer(a) && is_integer(b) && dtype_size(a) == 1 && dtype_size(b) == 1) return DType::i32;
  const bool arithmetic = is_arithmetic_float(a) || is_arithmetic_integer(a);
  if (a != b || !arithmetic)
    return malformed("cannot multiply " + std::string(dtype_name(a)) + " by " +
                     std::string(dtype_name(b)));
  return wide && is_floating(a) ? accumulator_of(a) : a;
}

Result<Tensor> widened(const Tensor& x, DType accumulator) {
  if (x.dtype() == accumulator) return x;
  if (is_accumulator(x.dtype()) && accumulator_of(x.dtype()) == accumulator)
    return x.reinterpreted(accumulator);
  ASSIGN(Tensor y, Tensor::make_uninitialized(accumulator, x.shape()));
  bool done = false;
  if (accumulator == DType::f64) done = widen_to<double>(x, y);
  if (accumulator == DType::f32) done = widen_to<float>(x, y);
  if (accumulator == DType::i32) done = widen_to<std::int32_t>(x, y);
  if (accumulator == DType::i64) done = widen_to<std::int64_t>(x, y);
  if (!done)
    return malformed("cannot compute with " + std::string(dtype_name(x.dtype())) + " in " +
                     std::string(dtype_name(accumulator)));
  return y;
}

void narrow(const Tensor& sums, Tensor& y) {
  if (dtype_size(sums.dtype()) == dtype_size(y.dtype()) &&
      is_floating(sums.dtype()) == is_floating(y.dtype())) {
    if (sums.count() > 0)
      std::memcpy(y.mutable_data(), sums.data(),
                  static_cast<std::size_t>(sums.count()) * dtype_size(y.dtype()));
    return;
  }
  if (sums.dtype() == DType::f64) narrow_from<double>(sums, y);
  if (sums.dtype() == DType::f32) narrow_from<float>(sums, y);
  if (sums.dtype() == DType::i32) narrow_from<std::int32_t>(sums, y);
  if (sums.dtype() == DType::i64) narrow_from<std::int64_t>(sums, y);
}

void saturate(const Tensor& numbers, Tensor& y) {
  auto x = numbers.values<double>();
  visit_dtype(y.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) {
      auto out = y.mutable_values<T>();
      constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
      constexpr double kHigh = static_cast<double>(std::numeric_limits<T>::max());
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (!(x[i] > kLow))
          out[i] = std::numeric_limits<T>::min();
        else
          out[i] = x[i] >= kHigh ? std::numeric_limits<T>::max() : static_cast<T>(x[i]);
      }
    }
  });
}

}  // namespace gossamer::reference
