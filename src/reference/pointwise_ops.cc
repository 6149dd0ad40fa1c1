// The computing instructions of Pointwise: one plain typed loop each. f16 and bf16 compute in f32
// and round once.
#include "reference/pointwise_ops.h"

#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>

#include "reference/numbers.h"

namespace gossamer::reference {
namespace {

template <class X, class Y, class F>
void map(const X* x, Y* y, int n, F f) {
  for (int i = 0; i < n; ++i) y[i] = f(x[i]);
}
template <class X, class Y, class F>
void map2(const X* a, const X* b, Y* y, int n, F f) {
  for (int i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
}

// --- floats ---

template <class T>
T sigmoid(T v) {
  if (v >= 0) return 1 / (1 + std::exp(-v));
  const T e = std::exp(v);
  return e / (1 + e);
}

// Python's %: the result has the divisor's sign, -0 included.
template <class T>
T floor_mod(T a, T b) {
  T r = std::fmod(a, b);
  if (r == 0) return std::copysign(T{0}, b);
  if ((r < 0) != (b < 0)) r += b;
  return r;
}

template <class T>
void float_unary(PointwiseOp op, const T* x, T* y, int n) {
  using enum PointwiseOp;
  switch (op) {
    case neg:
      return map(x, y, n, [](T v) { return -v; });
    case abs:
      return map(x, y, n, [](T v) { return std::fabs(v); });
    case sign:
      return map(x, y, n, [](T v) { return v > 0 ? T{1} : v < 0 ? T{-1} : v == 0 ? T{0} : v; });
    case floor:
      return map(x, y, n, [](T v) { return std::floor(v); });
    case ceil:
      return map(x, y, n, [](T v) { return std::ceil(v); });
    case rint:
      return map(x, y, n, [](T v) { return std::nearbyint(v); });
    case trunc:
      return map(x, y, n, [](T v) { return std::trunc(v); });
    case recip:
      return map(x, y, n, [](T v) { return 1 / v; });
    case sqrt:
      return map(x, y, n, [](T v) { return std::sqrt(v); });
    case rsqrt:
      return map(x, y, n, [](T v) { return 1 / std::sqrt(v); });
    case exp:
      return map(x, y, n, [](T v) { return std::exp(v); });
    case expm1:
      return map(x, y, n, [](T v) { return std::expm1(v); });
    case log:
      return map(x, y, n, [](T v) { return std::log(v); });
    case log1p:
      return map(x, y, n, [](T v) { return std::log1p(v); });
    case sin:
      return map(x, y, n, [](T v) { return std::sin(v); });
    case cos:
      return map(x, y, n, [](T v) { return std::cos(v); });
    case tan:
      return map(x, y, n, [](T v) { return std::tan(v); });
    case asin:
      return map(x, y, n, [](T v) { return std::asin(v); });
    case acos:
      return map(x, y, n, [](T v) { return std::acos(v); });
    case atan:
      return map(x, y, n, [](T v) { return std::atan(v); });
    case sinh:
      return map(x, y, n, [](T v) { return std::sinh(v); });
    case cosh:
      return map(x, y, n, [](T v) { return std::cosh(v); });
    case tanh:
      return map(x, y, n, [](T v) { return std::tanh(v); });
    case asinh:
      return map(x, y, n, [](T v) { return std::asinh(v); });
    case acosh:
      return map(x, y, n, [](T v) { return std::acosh(v); });
    case atanh:
      return map(x, y, n, [](T v) { return std::atanh(v); });
    case erf:
      return map(x, y, n, [](T v) { return std::erf(v); });
    case sigmoid:
      return map(x, y, n, [](T v) { return reference::sigmoid(v); });
    default:
      return;
  }
}

template <class T>
void float_binary(PointwiseOp op, const T* a, const T* b, T* y, int n) {
  using enum PointwiseOp;
  switch (op) {
    case add:
      return map2(a, b, y, n, [](T u, T v) { return u + v; });
    case sub:
      return map2(a, b, y, n, [](T u, T v) { return u - v; });
    case mul:
      return map2(a, b, y, n, [](T u, T v) { return u * v; });
    case div:
      return map2(a, b, y, n, [](T u, T v) { return u / v; });
    case min:
      return map2(a, b, y, n, [](T u, T v) { return u <= v || u != u ? u : v; });
    case max:
      return map2(a, b, y, n, [](T u, T v) { return u >= v || u != u ? u : v; });
    case pow:
      return map2(a, b, y, n, [](T u, T v) { return std::pow(u, v); });
    case mod:
      return map2(a, b, y, n, [](T u, T v) { return reference::floor_mod(u, v); });
    case rem:
      return map2(a, b, y, n, [](T u, T v) { return std::fmod(u, v); });
    default:
      return;
  }
}

// --- integers: everything wraps, nothing traps ---

// An unsigned type in which arithmetic on T wraps without promotion to int.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) < 4, std::uint32_t, std::make_unsigned_t<T>>;

template <class T>
T integer_div(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
  return static_cast<T>(a / b);
}

template <class T>
T integer_rem(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == -1) return 0;
  return static_cast<T>(a % b);
}

template <class T>
T integer_mod(T a, T b) {
  const T r = integer_rem(a, b);
  return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
}

template <class T>
T shift_left(T a, T count) {
  constexpr int kWidth = 8 * sizeof(T);
  if (count < 0 || count >= static_cast<T>(kWidth)) return 0;
  return static_cast<T>(static_cast<Wrapping<T>>(a) << count);
}

template <class T>
T shift_right(T a, T count) {
  constexpr int kWidth = 8 * sizeof(T);
  if (count < 0 || count >= static_cast<T>(kWidth)) return a < 0 ? static_cast<T>(-1) : T{0};
  return static_cast<T>(a >> count);
}

template <class T>
void integer_unary(PointwiseOp op, const T* x, T* y, int n) {
  using enum PointwiseOp;
  using U = Wrapping<T>;
  switch (op) {
    case neg:
      return map(x, y, n, [](T v) { return static_cast<T>(U{0} - static_cast<U>(v)); });
    case abs:
      return map(x, y, n, [](T v) { return v < 0 ? static_cast<T>(U{0} - static_cast<U>(v)) : v; });
    case sign:
      return map(x, y, n, [](T v) { return static_cast<T>((v > 0) - (v < 0)); });
    case logical_not:
      return map(x, y, n, [](T v) { return static_cast<T>(~v); });
    default:
      return;
  }
}

template <class T>
void integer_binary(PointwiseOp op, const T* a, const T* b, T* y, int n) {
  using enum PointwiseOp;
  using U = Wrapping<T>;
  switch (op) {
    case add:
      return map2(a, b, y, n,
                  [](T u, T v) { return static_cast<T>(static_cast<U>(u) + static_cast<U>(v)); });
    case sub:
      return map2(a, b, y, n,
                  [](T u, T v) { return static_cast<T>(static_cast<U>(u) - static_cast<U>(v)); });
    case mul:
      return map2(a, b, y, n,
                  [](T u, T v) { return static_cast<T>(static_cast<U>(u) * static_cast<U>(v)); });
    case div:
      return map2(a, b, y, n, [](T u, T v) { return integer_div(u, v); });
    case min:
      return map2(a, b, y, n, [](T u, T v) { return v < u ? v : u; });
    case max:
      return map2(a, b, y, n, [](T u, T v) { return u < v ? v : u; });
    case mod:
      return map2(a, b, y, n, [](T u, T v) { return integer_mod(u, v); });
    case rem:
      return map2(a, b, y, n, [](T u, T v) { return integer_rem(u, v); });
    case logical_and:
      return map2(a, b, y, n, [](T u, T v) { return static_cast<T>(u & v); });
    case logical_or:
      return map2(a, b, y, n, [](T u, T v) { return static_cast<T>(u | v); });
    case logical_xor:
      return map2(a, b, y, n, [](T u, T v) { return static_cast<T>(u ^ v); });
    case shl:
      return map2(a, b, y, n, [](T u, T v) { return shift_left(u, v); });
    case shr:
      return map2(a, b, y, n, [](T u, T v) { return shift_right(u, v); });
    default:
      return;
  }
}

// By squaring, wrapping; a negative exponent truncates the true quotient.
template <class T>
T integer_pow(T base, std::uint64_t exponent) {
  using U = Wrapping<T>;
  U result = 1;
  for (U square = static_cast<U>(base); exponent != 0; exponent >>= 1, square *= square)
    if (exponent & 1) result *= square;
  return static_cast<T>(result);
}
template <class T>
T integer_pow_signed(T base, std::int64_t exponent) {
  if (exponent >= 0) return integer_pow(base, static_cast<std::uint64_t>(exponent));
  if (base == 1) return 1;
  if constexpr (std::is_signed_v<T>)
    if (base == -1) return exponent % 2 == 0 ? T{1} : T{-1};
  return 0;
}

// --- dispatch ---

void pow_tile(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  const DType base = operands[0].dtype;
  const DType exponent = operands[1].dtype;
  if (!is_integer(base) || !is_integer(exponent)) {
    double a[kTile];
    double b[kTile];
    load_tile(operands[0], a, n);
    load_tile(operands[1], b, n);
    for (int i = 0; i < n; ++i) a[i] = std::pow(a[i], b[i]);
    return store_tile(a, in.dtype, out, n);
  }
  std::int64_t e[kTile];
  load_tile(operands[1], e, n);
  visit_computed(base, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::integral<T>) {
      const T* x = static_cast<const T*>(operands[0].data);
      T* y = static_cast<T*>(out);
      if (exponent == DType::u64)
        for (int i = 0; i < n; ++i) y[i] = integer_pow(x[i], static_cast<std::uint64_t>(e[i]));
      else
        for (int i = 0; i < n; ++i) y[i] = integer_pow_signed(x[i], e[i]);
    }
  });
}

template <class T>
void compare(PointwiseOp op, const T* a, const T* b, bool* y, int n) {
  switch (op) {
    case PointwiseOp::isnan:
      return map(a, y, n, [](T v) { return v != v; });
    case PointwiseOp::eq:
      return map2(a, b, y, n, [](T u, T v) { return u == v; });
    case PointwiseOp::lt:
      return map2(a, b, y, n, [](T u, T v) { return u < v; });
    case PointwiseOp::le:
      return map2(a, b, y, n, [](T u, T v) { return u <= v; });
    default:
      return;
  }
}

void boolean_tile(PointwiseOp op, std::span<const TileOperand> operands, void* out, int n) {
  using enum PointwiseOp;
  const bool* a = static_cast<const bool*>(operands[0].data);
  const bool* b = operands.size() > 1 ? static_cast<const bool*>(operands[1].data) : nullptr;
  bool* y = static_cast<bool*>(out);
  switch (op) {
    case logical_not:
      return map(a, y, n, [](bool v) { return !v; });
    case logical_and:
      return map2(a, b, y, n, [](bool u, bool v) { return u && v; });
    case logical_or:
      return map2(a, b, y, n, [](bool u, bool v) { return u || v; });
    case logical_xor:
      return map2(a, b, y, n, [](bool u, bool v) { return u != v; });
    case eq:
      return map2(a, b, y, n, [](bool u, bool v) { return u == v; });
    default:
      return;
  }
}

void select_tile(DType dtype, std::span<const TileOperand> operands, void* out, int n) {
  const bool* c = static_cast<const bool*>(operands[0].data);
  visit_storage(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::same_as<T, std::string>) {
      const T* a = static_cast<const T*>(operands[1].data);
      const T* b = static_cast<const T*>(operands[2].data);
      T* y = static_cast<T*>(out);
      for (int i = 0; i < n; ++i) y[i] = c[i] ? a[i] : b[i];
    }
  });
}

// Operands of one arithmetic dtype.
void plain_tile(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  visit_computed(operands[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* a = static_cast<const T*>(operands[0].data);
    const bool two = operands.size() > 1;
    const T* b = two ? static_cast<const T*>(operands[1].data) : nullptr;
    T* y = static_cast<T*>(out);
    using enum PointwiseOp;
    if (in.op == isnan || in.op == eq || in.op == lt || in.op == le) {
      compare(in.op, a, b, static_cast<bool*>(out), n);
    } else if constexpr (std::floating_point<T>) {
      two ? float_binary(in.op, a, b, y, n) : float_unary(in.op, a, y, n);
    } else {
      two ? integer_binary(in.op, a, b, y, n) : integer_unary(in.op, a, y, n);
    }
  });
}

// Narrow floats compute as f32.
void widened_tile(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  float wide[2][kTile];
  float result[kTile];
  TileOperand widened[2];
  for (std::size_t i = 0; i < operands.size(); ++i) {
    load_tile(operands[i], wide[i], n);
    widened[i] = {DType::f32, wide[i]};
  }
  const bool predicate = in.dtype == DType::boolean;
  plain_tile(in, std::span(widened, operands.size()), predicate ? out : result, n);
  if (!predicate) store_tile(result, in.dtype, out, n);
}

}  // namespace

void run_tile(const Instruction& in, std::span<const TileOperand> operands, void* out, int n) {
  using enum PointwiseOp;
  const DType dtype = operands.empty() ? in.dtype : operands[0].dtype;
  switch (in.op) {
    case cast:
      return convert_tile(operands[0], in.dtype, out, n, {in.saturate, in.rounding});
    case bits:
      return bits_tile(operands[0], in.dtype, out, n);
    case quantize:
      return quantize_tile(in, operands, out, n);
    case dequantize:
      return dequantize_tile(in, operands, out, n);
    case select:
      return select_tile(in.dtype, operands, out, n);
    case pow:
      if (is_integer(dtype) || operands[1].dtype != dtype) return pow_tile(in, operands, out, n);
      break;
    default:
      break;
  }
  if (dtype == DType::boolean) return boolean_tile(in.op, operands, out, n);
  if (is_integer(dtype) && dtype_info(dtype).file_bits < 8) {
    // eq only: the bytes decide.
    const TileOperand bytes[] = {{DType::u8, operands[0].data}, {DType::u8, operands[1].data}};
    return plain_tile(in, bytes, out, n);
  }
  if (is_floating(dtype) && dtype != DType::f32 && dtype != DType::f64)
    return widened_tile(in, operands, out, n);
  plain_tile(in, operands, out, n);
}

}  // namespace gossamer::reference
