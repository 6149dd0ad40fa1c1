// Arithmetic on elements as scalar code reads them: f16 and bf16 as float, integers wrapping.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/dtype.h"
#include "base/float_bits.h"

namespace gossamer::reference {

// Whether arithmetic and order are defined on the dtype: integers of 8 bits and more, f16, bf16,
// f32, f64.
inline bool is_number(DType d) { return is_arithmetic_integer(d) || is_arithmetic_float(d); }

// The type that elements of type T are computed in.
template <class T>
using Computed = std::conditional_t<std::is_same_v<T, F16> || std::is_same_v<T, BF16>, float, T>;

template <class T>
Computed<T> load(T v) {
  if constexpr (std::is_arithmetic_v<T>)
    return v;
  else
    return to_float(v);
}
template <class T>
T store(Computed<T> v) {
  if constexpr (std::is_arithmetic_v<T>)
    return v;
  else
    return round_to<T>(v);
}

// Calls f(TypeTag<T>{}) with the C++ type of a number's dtype that elements are computed in: an
// integer of 8 bits and more, double, or else float.
template <class F>
decltype(auto) visit_computed(DType dtype, F&& f) {
  switch (dtype) {
    case DType::i8:
      return f(TypeTag<std::int8_t>{});
    case DType::i16:
      return f(TypeTag<std::int16_t>{});
    case DType::i32:
      return f(TypeTag<std::int32_t>{});
    case DType::i64:
      return f(TypeTag<std::int64_t>{});
    case DType::u8:
      return f(TypeTag<std::uint8_t>{});
    case DType::u16:
      return f(TypeTag<std::uint16_t>{});
    case DType::u32:
      return f(TypeTag<std::uint32_t>{});
    case DType::u64:
      return f(TypeTag<std::uint64_t>{});
    case DType::f64:
      return f(TypeTag<double>{});
    default:
      return f(TypeTag<float>{});
  }
}

// Calls f(TypeTag<T>{}) with the element type of a number's dtype.
template <class F>
decltype(auto) visit_number(DType dtype, F&& f) {
  if (dtype == DType::f16) return f(TypeTag<F16>{});
  if (dtype == DType::bf16) return f(TypeTag<BF16>{});
  return visit_computed(dtype, std::forward<F>(f));
}

template <class C>
C sum_of(C a, C b) {
  if constexpr (std::is_integral_v<C>)
    return static_cast<C>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else
    return a + b;
}
template <class C>
C product_of(C a, C b) {
  if constexpr (std::is_integral_v<C>)
    return static_cast<C>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  else
    return a * b;
}
template <class C>
bool is_nan(C v) {
  if constexpr (std::is_floating_point_v<C>)
    return std::isnan(v);
  else
    return false;
}
// A NaN passes on.
template <class C>
C larger_of(C a, C b) {
  return is_nan(a) || a > b ? a : b;
}
template <class C>
C smaller_of(C a, C b) {
  return is_nan(a) || a < b ? a : b;
}
// A total order in which a NaN stands above every number and equals any other NaN.
template <class C>
bool ordered_before(const C& a, const C& b) {
  if constexpr (std::is_floating_point_v<C>)
    return a < b || (std::isnan(b) && !std::isnan(a));
  else
    return a < b;
}

}  // namespace gossamer::reference
