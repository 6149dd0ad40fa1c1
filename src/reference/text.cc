// Text, one element after the other.
#include "reference/text.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/float_bits.h"

namespace gossamer::reference {
namespace {

constexpr std::int64_t kMaxPatternMemory = 8 << 20;
constexpr std::size_t kMaxPattern = 64 << 10;

// Calls f(k, i, j) for each element k of `shape`, i and j being those of the operands there.
template <class F>
void for_each_broadcast(const Shape& shape, const Shape& a, const Shape& b, F f) {
  const std::vector<std::int64_t> sa = broadcast_strides(a, shape),
                                  sb = broadcast_strides(b, shape);
  std::vector<std::int64_t> at(static_cast<std::size_t>(shape.rank()), 0);
  std::int64_t i = 0, j = 0;
  for (std::int64_t k = 0, n = shape.count(); k < n; ++k) {
    f(static_cast<std::size_t>(k), static_cast<std::size_t>(i), static_cast<std::size_t>(j));
    for (std::size_t d = at.size(); d-- > 0;) {
      i += sa[d];
      j += sb[d];
      if (++at[d] < shape.dims()[d]) break;
      i -= sa[d] * at[d];
      j -= sb[d] * at[d];
      at[d] = 0;
    }
  }
}

Status concat(Context& c) {
  const Tensor &a = c.tensor(0), &b = c.tensor(1);
  ASSIGN(Shape shape, broadcast(a.shape(), b.shape()));
  const auto x = a.values<std::string>(), y = b.values<std::string>();
  std::int64_t bytes = 0;
  for_each_broadcast(shape, a.shape(), b.shape(), [&](std::size_t, std::size_t i, std::size_t j) {
    bytes += static_cast<std::int64_t>(x[i].size() + y[j].size());
  });
  TRY(c.hold(bytes));
  ASSIGN(Tensor * out, c.make(0, DType::string, shape));
  auto z = out->mutable_values<std::string>();
  for_each_broadcast(shape, a.shape(), b.shape(),
                     [&](std::size_t k, std::size_t i, std::size_t j) { z[k] = x[i] + y[j]; });
  return {};
}

Status equal(Context& c) {
  const Tensor &a = c.tensor(0), &b = c.tensor(1);
  ASSIGN(Shape shape, broadcast(a.shape(), b.shape()));
  ASSIGN(Tensor * out, c.make(0, DType::boolean, shape));
  auto z = out->mutable_values<bool>();
  const auto x = a.values<std::string>(), y = b.values<std::string>();
  for_each_broadcast(shape, a.shape(), b.shape(),
                     [&](std::size_t k, std::size_t i, std::size_t j) { z[k] = x[i] == y[j]; });
  return {};
}

Status select(Context& c) {
  const Tensor &condition = c.tensor(0), &a = c.tensor(1), &b = c.tensor(2);
  ASSIGN(Shape both, broadcast(a.shape(), b.shape()));
  ASSIGN(Shape shape, broadcast(condition.shape(), both));
  ASSIGN(Tensor * out, c.make(0, DType::string, shape));
  auto z = out->mutable_values<std::string>();
  const auto x = a.values<std::string>(), y = b.values<std::string>();
  const auto p = condition.values<bool>();
  for_each_broadcast(shape, a.shape(), condition.shape(),
                     [&](std::size_t k, std::size_t i, std::size_t j) {
                       if (p[j]) z[k] = x[i];
                     });
  for_each_broadcast(shape, b.shape(), condition.shape(),
                     [&](std::size_t k, std::size_t i, std::size_t j) {
                       if (!p[j]) z[k] = y[i];
                     });
  return {};
}

RE2::Options options() {
  RE2::Options o;
  o.set_log_errors(false);
  o.set_max_mem(kMaxPatternMemory);
  return o;
}

Status match(const TextAttributes& a, Context& c) {
  TRY(check_pattern(a.pattern));
  const RE2 pattern(a.pattern, options());
  ASSIGN(Tensor * out, c.make(0, DType::boolean, c.tensor(0).shape()));
  auto y = out->mutable_values<bool>();
  const auto x = c.tensor(0).values<std::string>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i % 1024 == 0) TRY(c.poll());
    y[i] = RE2::FullMatch(x[i], pattern);
  }
  return {};
}

// --- numbers ---

std::string_view trimmed(std::string_view s) {
  const auto space = [](char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); };
  while (!s.empty() && space(s.front())) s.remove_prefix(1);
  while (!s.empty() && space(s.back())) s.remove_suffix(1);
  return s;
}

Status no_number(std::string_view s, DType dtype) {
  return malformed("'" + std::string(s.substr(0, 64)) + "' is no " +
                   std::string(dtype_name(dtype)));
}

// Reads the whole of `s`; "+" may stand in front.
template <class T>
Result<T> parse_number(std::string_view whole, DType dtype) {
  std::string_view s = trimmed(whole);
  if (s.size() > 1 && s[0] == '+' && s[1] != '-' && s[1] != '+') s.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (s.empty() || end != s.data() + s.size()) return no_number(whole, dtype);
  if (error == std::errc{}) return value;
  if constexpr (std::is_floating_point_v<T>) {
    // Too large or too small to be held: the exponent's sign tells which.
    if (error == std::errc::result_out_of_range) {
      const std::size_t e = s.find_first_of("eE");
      const bool small = e != std::string_view::npos && e + 1 < s.size() && s[e + 1] == '-';
      const T limit = small ? T{0} : std::numeric_limits<T>::infinity();
      return s[0] == '-' ? -limit : limit;
    }
  }
  return no_number(whole, dtype);
}

template <class T, class U, class F>
Status parse_each(Context& c, DType dtype, F convert) {
  ASSIGN(Tensor * out, c.make(0, dtype, c.tensor(0).shape()));
  auto y = out->mutable_values<T>();
  const auto x = c.tensor(0).values<std::string>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSIGN(U value, parse_number<U>(x[i], dtype));
    y[i] = convert(value);
  }
  return {};
}

template <class T>
Status parse_integers(Context& c, DType dtype) {
  return parse_each<T, T>(c, dtype, [](T v) { return v; });
}

Status parse_booleans(Context& c) {
  ASSIGN(Tensor * out, c.make(0, DType::boolean, c.tensor(0).shape()));
  auto y = out->mutable_values<bool>();
  const auto x = c.tensor(0).values<std::string>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::string lower(trimmed(x[i]));
    for (char& ch : lower) ch = ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch - 'A' + 'a') : ch;
    if (lower == "true" || lower == "false") {
      y[i] = lower == "true";
      continue;
    }
    ASSIGN(double value, parse_number<double>(x[i], DType::boolean));
    y[i] = value != 0;
  }
  return {};
}

Status parse(DType dtype, Context& c) {
  switch (dtype) {
    case DType::boolean:
      return parse_booleans(c);
    case DType::i8:
      return parse_integers<std::int8_t>(c, dtype);
    case DType::i16:
      return parse_integers<std::int16_t>(c, dtype);
    case DType::i32:
      return parse_integers<std::int32_t>(c, dtype);
    case DType::i64:
      return parse_integers<std::int64_t>(c, dtype);
    case DType::u8:
      return parse_integers<std::uint8_t>(c, dtype);
    case DType::u16:
      return parse_integers<std::uint16_t>(c, dtype);
    case DType::u32:
      return parse_integers<std::uint32_t>(c, dtype);
    case DType::u64:
      return parse_integers<std::uint64_t>(c, dtype);
    case DType::f32:
      return parse_integers<float>(c, dtype);
    case DType::f64:
      return parse_integers<double>(c, dtype);
    default:
      return unsupported("strings cannot be read as " + std::string(dtype_name(dtype)));
  }
}

template <class T>
std::string to_text(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "1" : "0";
  } else {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(value)) return "NaN";
      if (std::isinf(value)) return value < 0 ? "-INF" : "INF";
    }
    char buffer[64];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    return {buffer, error == std::errc{} ? end : buffer};
  }
}

template <class T>
Status format_each(Context& c) {
  ASSIGN(Tensor * out, c.make(0, DType::string, c.tensor(0).shape()));
  auto y = out->mutable_values<std::string>();
  const auto x = c.tensor(0).values<T>();
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = to_text(x[i]);
  return {};
}

Status format(Context& c) {
  switch (c.tensor(0).dtype()) {
    case DType::boolean:
      return format_each<bool>(c);
    case DType::i8:
      return format_each<std::int8_t>(c);
    case DType::i16:
      return format_each<std::int16_t>(c);
    case DType::i32:
      return format_each<std::int32_t>(c);
    case DType::i64:
      return format_each<std::int64_t>(c);
    case DType::u8:
      return format_each<std::uint8_t>(c);
    case DType::u16:
      return format_each<std::uint16_t>(c);
    case DType::u32:
      return format_each<std::uint32_t>(c);
    case DType::u64:
      return format_each<std::uint64_t>(c);
    case DType::f32:
      return format_each<float>(c);
    case DType::f64:
      return format_each<double>(c);
    default:
      return unsupported("elements of type " + std::string(dtype_name(c.tensor(0).dtype())) +
                         " cannot be written as strings");
  }
}

}  // namespace

Status check_pattern(const std::string& pattern) {
  if (pattern.size() > kMaxPattern) return limit_error("the pattern is too long");
  const RE2 compiled(pattern, options());
  if (!compiled.ok()) return malformed("the pattern cannot be used: " + compiled.error());
  return {};
}

Status text(const TextAttributes& a, Context& c) {
  switch (a.op) {
    case TextOp::concat:
      return concat(c);
    case TextOp::equal:
      return equal(c);
    case TextOp::select:
      return select(c);
    case TextOp::match:
      return match(a, c);
    case TextOp::parse:
      return parse(a.dtype, c);
    case TextOp::format:
      return format(c);
  }
  return internal_error("no such operation on text");
}

}  // namespace gossamer::reference
