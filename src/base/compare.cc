// Element-wise comparison of values.
#include "base/compare.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>

#include "base/float_bits.h"

namespace gossamer {
namespace {

std::string type_text(const Tensor& t) {
  return std::string(dtype_name(t.dtype())) + t.shape().to_string();
}

std::string number(double v) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", v);
  return buffer;
}

// "[1,0,5]" of a row-major element index.
std::string position(const Shape& shape, std::int64_t index) {
  Shape at = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    at[d] = index % shape[d];
    index /= shape[d];
  }
  return at.to_string();
}

bool close(double a, double e, const Tolerance& t) {
  if (std::isnan(a) || std::isnan(e)) return std::isnan(a) && std::isnan(e);
  if (std::isinf(a) || std::isinf(e)) return a == e;
  return std::abs(a - e) <= t.atol + t.rtol * std::abs(e);
}

// How many elements are not close, the first of them, and the largest difference.
struct Tally {
  std::int64_t bad = 0, first = -1;
  double worst = 0, actual = 0, expected = 0;

  void add(std::int64_t i, double a, double e, bool fine) {
    if (fine) return;
    if (bad++ == 0) {
      first = i;
      actual = a;
      expected = e;
    }
    worst = std::max(worst, std::abs(a - e));
  }
};

std::optional<std::string> report(const Tally& tally, const Tensor& t) {
  if (tally.bad == 0) return std::nullopt;
  return std::to_string(tally.bad) + " of " + std::to_string(t.count()) +
         " elements differ, first at " + position(t.shape(), tally.first) + ": " +
         number(tally.actual) + ", expected " + number(tally.expected) + ", largest difference " +
         number(tally.worst);
}

template <class T>
Tally tally_floats(const Tensor& a, const Tensor& e, const Tolerance& t) {
  Tally tally;
  auto x = a.values<T>();
  auto y = e.values<T>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double xd = to_double(x[i]), yd = to_double(y[i]);
    tally.add(static_cast<std::int64_t>(i), xd, yd, close(xd, yd, t));
  }
  return tally;
}

template <class T>
Tally tally_exact(const Tensor& a, const Tensor& e) {
  Tally tally;
  auto x = a.values<T>();
  auto y = e.values<T>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    double xd = 0, yd = 0;
    if constexpr (std::is_arithmetic_v<T>) {
      xd = static_cast<double>(x[i]);
      yd = static_cast<double>(y[i]);
    } else if constexpr (requires { x[i].value; }) {
      xd = x[i].value;
      yd = y[i].value;
    }
    tally.add(static_cast<std::int64_t>(i), xd, yd, x[i] == y[i]);
  }
  return tally;
}

template <class T>
Tally tally_complex(const Tensor& a, const Tensor& e, const Tolerance& t) {
  Tally tally;
  auto x = a.values<T>();
  auto y = e.values<T>();
  for (std::size_t i = 0; i < x.size(); ++i)
    tally.add(static_cast<std::int64_t>(i), static_cast<double>(std::abs(x[i] - y[i])), 0,
              close(x[i].real(), y[i].real(), t) && close(x[i].imag(), y[i].imag(), t));
  return tally;
}

std::optional<std::string> tensor_difference(const Tensor& a, const Tensor& e, Tolerance t) {
  if (a.dtype() != e.dtype() || a.shape() != e.shape())
    return "type is " + type_text(a) + ", expected " + type_text(e);
  if (a.dtype() == DType::bf16) t.rtol = std::max(t.rtol, 1.0 / 64);
  const Tally tally = visit_dtype(a.dtype(), [&](auto tag) -> Tally {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, C64> || std::is_same_v<T, C128>)
      return tally_complex<T>(a, e, t);
    else if constexpr (requires(T v) { to_double(v); } && !std::is_integral_v<T>)
      return tally_floats<T>(a, e, t);
    else
      return tally_exact<T>(a, e);
  });
  return report(tally, a);
}

std::optional<std::string> kinds(const Value& a, const Value& e) {
  constexpr const char* kNames[] = {"a tensor", "a sequence", "an optional"};
  if (a.kind != e.kind)
    return std::string("value is ") + kNames[static_cast<int>(a.kind)] + ", expected " +
           kNames[static_cast<int>(e.kind)];
  if (!a.is_tensor() && a.list().size() != e.list().size())
    return "has " + std::to_string(a.list().size()) + " items, expected " +
           std::to_string(e.list().size());
  return std::nullopt;
}

template <class F>
std::optional<std::string> items(const Value& a, const Value& e, F&& compare) {
  for (std::size_t i = 0; i < a.list().size(); ++i)
    if (auto d = compare(a.list()[i], e.list()[i])) return "item " + std::to_string(i) + ": " + *d;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> difference(const Value& actual, const Value& expected,
                                      const Tolerance& tolerance) {
  if (auto d = kinds(actual, expected)) return d;
  if (actual.is_tensor()) return tensor_difference(actual.tensor, expected.tensor, tolerance);
  return items(actual, expected,
               [&](const Value& a, const Value& e) { return difference(a, e, tolerance); });
}

std::optional<std::string> difference_in_type(const Value& actual, const Value& expected) {
  if (auto d = kinds(actual, expected)) return d;
  if (!actual.is_tensor()) return items(actual, expected, difference_in_type);
  const Tensor& a = actual.tensor;
  if (a.dtype() != expected.tensor.dtype() || a.shape() != expected.tensor.shape())
    return "type is " + type_text(a) + ", expected " + type_text(expected.tensor);
  if (is_arithmetic_float(a.dtype()))
    if (auto values = to_doubles(a); values.ok())
      for (double v : *values)
        if (!std::isfinite(v)) return "holds " + number(v);
  return std::nullopt;
}

}  // namespace gossamer
