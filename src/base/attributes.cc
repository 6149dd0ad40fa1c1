// Reading and comparing generic attribute values.
#include "base/attributes.h"

#include <charconv>

namespace gossamer {

double shortest_real(float v) {
  char digits[32];
  const auto printed = std::to_chars(digits, digits + sizeof(digits), v);
  double wide = v;
  if (!std::isfinite(v) || std::from_chars(digits, printed.ptr, wide).ec != std::errc{}) return v;
  return static_cast<float>(wide) == v ? wide : double{v};
}

Result<bool> from_attribute(const AttributeValue& v, std::type_identity<bool>) {
  if (const Word* w = std::get_if<Word>(&v.value)) {
    if (w->text == "true") return true;
    if (w->text == "false") return false;
  }
  return malformed("expected true or false");
}

Result<std::int64_t> from_attribute(const AttributeValue& v, std::type_identity<std::int64_t>) {
  if (const auto* i = std::get_if<std::int64_t>(&v.value)) return *i;
  return malformed("expected an integer");
}

Result<int> from_attribute(const AttributeValue& v, std::type_identity<int>) {
  const auto* i = std::get_if<std::int64_t>(&v.value);
  if (!i || *i < std::numeric_limits<int>::min() || *i > std::numeric_limits<int>::max())
    return malformed("expected a 32-bit integer");
  return static_cast<int>(*i);
}

Result<double> from_attribute(const AttributeValue& v, std::type_identity<double>) {
  if (const auto* d = std::get_if<double>(&v.value)) return *d;
  if (const auto* i = std::get_if<std::int64_t>(&v.value)) return static_cast<double>(*i);
  if (const Word* w = std::get_if<Word>(&v.value)) {
    if (w->text == "inf") return std::numeric_limits<double>::infinity();
    if (w->text == "-inf") return -std::numeric_limits<double>::infinity();
    if (w->text == "nan") return std::numeric_limits<double>::quiet_NaN();
  }
  return malformed("expected a number");
}

Result<float> from_attribute(const AttributeValue& v, std::type_identity<float>) {
  ASSIGN(double d, from_attribute(v, std::type_identity<double>{}));
  return static_cast<float>(d);
}

Result<std::string> from_attribute(const AttributeValue& v, std::type_identity<std::string>) {
  if (const auto* s = std::get_if<std::string>(&v.value)) return *s;
  return malformed("expected a quoted string");
}

Result<DType> from_attribute(const AttributeValue& v, std::type_identity<DType>) {
  if (const Word* w = std::get_if<Word>(&v.value))
    if (std::optional<DType> d = dtype_from_name(w->text)) return *d;
  return malformed("expected an element type such as f32");
}

Result<Tensor> from_attribute(const AttributeValue& v, std::type_identity<Tensor>) {
  if (const auto* t = std::get_if<Tensor>(&v.value)) return *t;
  return malformed("expected a tensor literal such as f32[2]{1, 2}");
}

Result<std::size_t> word_index(const AttributeValue& v, std::span<const std::string_view> names) {
  std::string all;
  if (const Word* w = std::get_if<Word>(&v.value))
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == w->text) return i;
  for (std::string_view n : names) all += (all.empty() ? "" : ", ") + std::string(n);
  return malformed("expected one of " + all);
}

bool same_attribute(const AttributeValue& a, const AttributeValue& b) {
  if (a.value.index() != b.value.index()) return false;
  if (const auto* x = std::get_if<double>(&a.value)) {
    const double y = std::get<double>(b.value);
    return (*x == y && std::signbit(*x) == std::signbit(y)) || (std::isnan(*x) && std::isnan(y));
  }
  if (const auto* x = std::get_if<AttributeValue::List>(&a.value)) {
    const auto& y = std::get<AttributeValue::List>(b.value);
    if (x->size() != y.size()) return false;
    for (std::size_t i = 0; i < x->size(); ++i)
      if (!same_attribute((*x)[i], y[i])) return false;
    return true;
  }
  if (const auto* x = std::get_if<Tensor>(&a.value)) return x->same_bits(std::get<Tensor>(b.value));
  if (const auto* x = std::get_if<std::int64_t>(&a.value))
    return *x == std::get<std::int64_t>(b.value);
  if (const auto* x = std::get_if<Word>(&a.value)) return *x == std::get<Word>(b.value);
  if (const auto* x = std::get_if<Block>(&a.value)) return *x == std::get<Block>(b.value);
  return std::get<std::string>(a.value) == std::get<std::string>(b.value);
}

}  // namespace gossamer
