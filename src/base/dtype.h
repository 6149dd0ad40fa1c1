// Element types: the enumeration, the C++ types that hold one element, and dispatch from one to the
// other.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace gossamer {

// Narrow integers hold one value in the low bits of a byte, sign-extended (I2, I4) or zero-extended
// (U2, U4).
struct I2 {
  std::int8_t value;
  bool operator==(const I2&) const = default;
};
struct I4 {
  std::int8_t value;
  bool operator==(const I4&) const = default;
};
struct U2 {
  std::uint8_t value;
  bool operator==(const U2&) const = default;
};
struct U4 {
  std::uint8_t value;
  bool operator==(const U4&) const = default;
};
// Narrow floats hold their bit pattern in the low bits. Conversions are in base/float_bits.h.
struct F4E2M1 {
  std::uint8_t bits;
  bool operator==(const F4E2M1&) const = default;
};
struct F6E2M3 {
  std::uint8_t bits;
  bool operator==(const F6E2M3&) const = default;
};
struct F6E3M2 {
  std::uint8_t bits;
  bool operator==(const F6E3M2&) const = default;
};
struct F8E4M3FN {
  std::uint8_t bits;
  bool operator==(const F8E4M3FN&) const = default;
};
struct F8E4M3FNUZ {
  std::uint8_t bits;
  bool operator==(const F8E4M3FNUZ&) const = default;
};
struct F8E5M2 {
  std::uint8_t bits;
  bool operator==(const F8E5M2&) const = default;
};
struct F8E5M2FNUZ {
  std::uint8_t bits;
  bool operator==(const F8E5M2FNUZ&) const = default;
};
struct F8E8M0 {
  std::uint8_t bits;
  bool operator==(const F8E8M0&) const = default;
};
struct BF16 {
  std::uint16_t bits;
  bool operator==(const BF16&) const = default;
};
struct F16 {
  std::uint16_t bits;
  bool operator==(const F16&) const = default;
};
using C64 = std::complex<float>;
using C128 = std::complex<double>;

enum class DType : std::uint8_t {
#define DTYPE(name, type, bits, onnx, cls) name,
#include "base/dtypes.def"
#undef DTYPE
};

enum class DTypeClass : std::uint8_t { boolean, integer, floating, complex, text };

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  std::size_t size;  // bytes of one element at run time (sizeof(std::string) for strings)
  int file_bits;     // bits of one element in a file's raw data; 0 for strings
  int onnx_code;     // TensorProto.DataType
  DTypeClass cls;
};

const DTypeInfo& dtype_info(DType dtype);
inline std::string_view dtype_name(DType dtype) { return dtype_info(dtype).name; }
inline std::size_t dtype_size(DType dtype) { return dtype_info(dtype).size; }
std::optional<DType> dtype_from_name(std::string_view name);
std::optional<DType> dtype_from_onnx(std::int64_t code);

inline bool is_integer(DType d) { return dtype_info(d).cls == DTypeClass::integer; }
inline bool is_floating(DType d) { return dtype_info(d).cls == DTypeClass::floating; }
// f16, bf16, f32, f64: the floats that arithmetic is defined on.
inline bool is_arithmetic_float(DType d) {
  return d == DType::f16 || d == DType::bf16 || d == DType::f32 || d == DType::f64;
}
// Integers of at least 8 bits.
inline bool is_arithmetic_integer(DType d) { return is_integer(d) && dtype_info(d).file_bits >= 8; }
inline bool is_signed_integer(DType d) { return is_integer(d) && d <= DType::i64; }

// The DType of a C++ element type.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "not an element type");
  return DType::f32;
}();
#define DTYPE(name, type, bits, onnx, cls) \
  template <>                              \
  inline constexpr DType dtype_of<type> = DType::name;
#include "base/dtypes.def"
#undef DTYPE

template <class T>
struct TypeTag {
  using type = T;
};

// Calls f(TypeTag<T>{}) with the C++ type of `dtype`; every branch must return the same type.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
#define DTYPE(name, type, bits, onnx, cls) \
  case DType::name:                        \
    return f(TypeTag<type>{});
#include "base/dtypes.def"
#undef DTYPE
  }
  return f(TypeTag<float>{});
}

// Calls f(TypeTag<U>{}) with an unsigned integer type (or std::string, C64, C128) of the same size
// as an element of `dtype`: for code that only moves elements. Few instantiations.
template <class F>
decltype(auto) visit_storage(DType dtype, F&& f) {
  if (dtype == DType::string) return f(TypeTag<std::string>{});
  switch (dtype_size(dtype)) {
    case 1:
      return f(TypeTag<std::uint8_t>{});
    case 2:
      return f(TypeTag<std::uint16_t>{});
    case 4:
      return f(TypeTag<std::uint32_t>{});
    case 16:
      return f(TypeTag<C128>{});
    default:
      return f(TypeTag<std::uint64_t>{});
  }
}

}  // namespace gossamer
