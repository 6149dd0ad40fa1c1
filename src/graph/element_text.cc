// The text of names, strings and single elements.
#include "graph/element_text.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/float_bits.h"

namespace gossamer {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Advances past white space.
void skip_space(std::string_view& text) {
  while (!text.empty() && is_space(text[0])) text.remove_prefix(1);
}

template <class T>
concept Narrow = requires(T x) { x.value; };
template <class T>
concept Floating = requires(T x) { to_double(x); };

template <std::size_t size>
struct UnsignedOf;
template <>
struct UnsignedOf<1> {
  using type = std::uint8_t;
};
template <>
struct UnsignedOf<2> {
  using type = std::uint16_t;
};
template <>
struct UnsignedOf<4> {
  using type = std::uint32_t;
};
template <>
struct UnsignedOf<8> {
  using type = std::uint64_t;
};

template <class T>
std::uint64_t bits_of(T value) {
  return std::bit_cast<typename UnsignedOf<sizeof(T)>::type>(value);
}

template <class... Format>
void append_chars(std::string& out, Format... format) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), format...);
  if (error == std::errc{}) out.append(buffer, end);
}

// Decimal digits to a float of any type, through float for the narrow ones (their printed form is
// one).
template <class T>
bool digits_to(std::string_view digits, T& value) {
  using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
  Wide wide = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wide);
  if (error != std::errc{} || end != digits.data() + digits.size()) return false;
  value = round_to<T>(wide, false);
  return true;
}

template <class T>
void append_finite(T value, std::string& out) {
  if constexpr (std::is_floating_point_v<T>) {
    append_chars(out, value);
  } else {
    const float wide = to_float(value);
    if constexpr (sizeof(T) == 2) {
      for (int precision = 1; precision < 9; ++precision) {
        std::string digits;
        append_chars(digits, wide, std::chars_format::general, precision);
        T back{};
        if (digits_to(digits, back) && bits_of(back) == bits_of(value)) {
          out += digits;
          return;
        }
      }
    }
    append_chars(out, wide);  // exact for types of a byte or less, and short
  }
}

template <Floating T>
void append_one(T value, std::string& out) {
  const double wide = to_double(value);
  if (std::isnan(wide)) {
    if (bits_of(round_to<T>(std::numeric_limits<double>::quiet_NaN(), false)) == bits_of(value)) {
      out += "nan";
    } else {
      out += "0x";
      append_chars(out, bits_of(value), 16);
    }
  } else if (std::isinf(wide)) {
    out += wide < 0 ? "-inf" : "inf";
  } else {
    append_finite(value, out);
  }
}

template <class T>
  requires(!Floating<T>)
void append_one(const T& value, std::string& out) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_quoted(value, out);
  } else if constexpr (Narrow<T>) {
    append_chars(out, static_cast<int>(value.value));
  } else if constexpr (std::is_integral_v<T>) {
    append_chars(out, value);
  } else {
    out += '(';
    append_one(value.real(), out);
    out += ", ";
    append_one(value.imag(), out);
    out += ')';
  }
}

Status not_an_element(std::string_view word, DType dtype) {
  return malformed("'" + std::string(word.substr(0, 40)) + "' is not a value of type " +
                   std::string(dtype_name(dtype)));
}

std::string_view take_word(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() &&
         (is_letter(text[length]) || is_digit(text[length]) || text[length] == '+' ||
          text[length] == '-' || text[length] == '.')) {
    ++length;
  }
  const std::string_view word = text.substr(0, length);
  return word;
}

// Whether `word` is the text of a T; it is stored in `value`.
template <Floating T>
bool word_to(std::string_view word, T& value) {
  if (word.starts_with("0x")) {
    typename UnsignedOf<sizeof(T)>::type bits = 0;
    const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), bits, 16);
    if (error != std::errc{} || end != word.data() + word.size()) return false;
    value = std::bit_cast<T>(bits);
    // A narrow type has no bits above its own.
    if constexpr (std::is_same_v<T, F4E2M1>) return bits < 16;
    if constexpr (std::is_same_v<T, F6E2M3> || std::is_same_v<T, F6E3M2>) return bits < 64;
    return true;
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (word == "nan") {
    value = round_to<T>(std::numeric_limits<double>::quiet_NaN(), false);
    return std::isnan(to_double(value));
  }
  if (word == "inf" || word == "-inf") {
    value = round_to<T>(word == "inf" ? kInfinity : -kInfinity, false);
    return std::isinf(to_double(value));
  }
  return digits_to(word, value);
}

template <class T>
  requires(!Floating<T>)
bool word_to(std::string_view word, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = word == "true";
    return value || word == "false";
  } else if constexpr (Narrow<T>) {
    constexpr bool is_signed = std::is_signed_v<decltype(T::value)>;
    constexpr int bits = std::is_same_v<T, I2> || std::is_same_v<T, U2> ? 2 : 4;
    constexpr int least = is_signed ? -(1 << (bits - 1)) : 0;
    int wide = 0;
    if (!word_to(word, wide) || wide < least || wide >= least + (1 << bits)) return false;
    value.value = static_cast<decltype(T::value)>(wide);
    return true;
  } else {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return error == std::errc{} && end == word.data() + word.size();
  }
}

template <class T>
Status take_one(std::string_view& text, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    ASSIGN(value, take_quoted(text));
  } else if constexpr (std::is_same_v<T, C64> || std::is_same_v<T, C128>) {
    typename T::value_type parts[2] = {};
    for (int i = 0; i < 2; ++i) {
      if (!text.starts_with(i == 0 ? '(' : ',')) return malformed("expected a pair (re, im)");
      text.remove_prefix(1);
      skip_space(text);
      TRY(take_one(text, parts[i]));
      skip_space(text);
    }
    if (!text.starts_with(')')) return malformed("expected ')'");
    text.remove_prefix(1);
    value = T(parts[0], parts[1]);
  } else {
    const std::string_view word = take_word(text);
    if (!word_to(word, value)) return not_an_element(word, dtype_of<T>);
    text.remove_prefix(word.size());
  }
  return {};
}

template <class T>
Status take_all(std::span<T> values, std::string_view& text) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    skip_space(text);
    if (i > 0) {
      if (!text.starts_with(',')) {
        return malformed("expected " + std::to_string(values.size()) + " elements, got " +
                         std::to_string(i));
      }
      text.remove_prefix(1);
      skip_space(text);
    }
    TRY(take_one(text, values[i]));
  }
  skip_space(text);
  if (text.starts_with('}')) return {};
  return malformed("expected '}' after " + std::to_string(values.size()) + " elements");
}

}  // namespace

std::size_t bare_name_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size()) {
    const char c = text[length];
    const bool plain = is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '/';
    const bool inner =
        length > 0 &&
        (c == '-' || (c == ':' && length + 1 < text.size() && is_digit(text[length + 1])));
    if (!plain && !inner) break;
    ++length;
  }
  return length;
}

bool is_bare_name(std::string_view name) {
  return !name.empty() && name != "_" && bare_name_length(name) == name.size();
}

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n' || c == '\t' || c == '\r') {
      out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
    } else if (byte < 0x20 || byte > 0x7e) {
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

Result<std::string> take_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return malformed("expected a quoted string");
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (text[i] == '\n') return malformed("a string ends with its line");
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char c = ++i < text.size() ? text[i] : '\0';
    if (c == '"' || c == '\\') {
      out += c;
    } else if (c == 'n' || c == 't' || c == 'r') {
      out += c == 'n' ? '\n' : c == 't' ? '\t' : '\r';
    } else if (c == 'x' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
               hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      return malformed("unknown escape in a string");
    }
  }
  return malformed("a string without its closing quote");
}

void append_real(double value, std::string& out) {
  const std::size_t start = out.size();
  if (std::isnan(value)) {
    out += "nan";
    return;
  }
  append_one(value, out);
  if (out.find_first_not_of("-0123456789", start) == std::string::npos) out += ".0";
}

void append_elements(const Tensor& tensor, std::string& out) {
  visit_dtype(tensor.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    bool first = true;
    for (const T& value : tensor.values<T>()) {
      if (!first) out += ", ";
      first = false;
      append_one(value, out);
    }
  });
}

Result<Tensor> take_elements(DType dtype, const Shape& shape, std::string_view& text) {
  const std::optional<std::int64_t> count = shape.checked_count();
  // Every element takes a character at least, so nothing is allocated for what cannot be there.
  if (!count || *count > static_cast<std::int64_t>(text.size())) {
    return malformed("fewer elements than the shape " + shape.to_string() + " has");
  }
  ASSIGN(Tensor tensor, Tensor::make(dtype, shape));
  Status status = visit_dtype(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return take_all(tensor.mutable_values<T>(), text);
  });
  if (!status.ok()) return status;
  return tensor;
}

}  // namespace gossamer
