// Attribute structs and their reflection.
//
// An attribute struct is a plain struct with a static constexpr tuple
//   static constexpr auto kFields = std::tuple(field("strides", &ConvAttributes::strides), ...);
// From that come its text form, its equality and its reading from text; a field equal to its
// default is not printed. Field types: bool, int64, int, float, double, std::string, DType, Tensor,
// vectors of these, enums with an `enum_names(E)` found by ADL, and any T with `AttributeValue
// to_attribute(const T&)` and `Result<T> from_attribute(const AttributeValue&,
// std::type_identity<T>)` found by ADL.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"

namespace gossamer {

// A bare word (enumerators, dtypes, true, false) and a {...} block whose text belongs to the
// attribute's own parser.
struct Word {
  std::string text;
  bool operator==(const Word&) const = default;
};
struct Block {
  std::string text;
  bool operator==(const Block&) const = default;
};

// The generic form of an attribute's value: what the text form prints and parses, and packages
// store.
struct AttributeValue {
  using List = std::vector<AttributeValue>;
  std::variant<std::int64_t, double, Word, Block, std::string, List, Tensor> value;
};

struct NamedAttribute {
  std::string name;
  AttributeValue value;
};

template <class S, class T>
struct Field {
  std::string_view name;
  T S::* member;
};
template <class S, class T>
constexpr Field<S, T> field(std::string_view name, T S::* member) {
  return {name, member};
}

// --- conversions of one field ---

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  { enum_names(e) } -> std::convertible_to<std::span<const std::string_view>>;
};

inline AttributeValue to_attribute(bool v) { return {Word{v ? "true" : "false"}}; }
inline AttributeValue to_attribute(std::int64_t v) { return {v}; }
inline AttributeValue to_attribute(int v) { return {std::int64_t{v}}; }
inline AttributeValue to_attribute(double v) { return {v}; }
// The double nearest to the shortest decimal that reads back as the float: 0.1f is 0.1, so that it
// prints as such. Converting it to float gives v again.
double shortest_real(float v);
inline AttributeValue to_attribute(float v) { return {shortest_real(v)}; }
inline AttributeValue to_attribute(const std::string& v) { return {v}; }
inline AttributeValue to_attribute(DType v) { return {Word{std::string(dtype_name(v))}}; }
inline AttributeValue to_attribute(const Tensor& v) { return {v}; }
template <NamedEnum E>
AttributeValue to_attribute(E e) {
  std::span<const std::string_view> names = enum_names(e);
  return {Word{std::string(names[static_cast<std::size_t>(e)])}};
}
template <class T>
AttributeValue to_attribute(const std::vector<T>& v) {
  AttributeValue::List list;
  list.reserve(v.size());
  for (const auto& x : v) list.push_back(to_attribute(static_cast<const T&>(x)));
  return {std::move(list)};
}

Result<bool> from_attribute(const AttributeValue& v, std::type_identity<bool>);
Result<std::int64_t> from_attribute(const AttributeValue& v, std::type_identity<std::int64_t>);
Result<int> from_attribute(const AttributeValue& v, std::type_identity<int>);
Result<double> from_attribute(const AttributeValue& v,
                              std::type_identity<double>);  // integers and words inf, -inf, nan too
Result<float> from_attribute(const AttributeValue& v, std::type_identity<float>);
Result<std::string> from_attribute(const AttributeValue& v, std::type_identity<std::string>);
Result<DType> from_attribute(const AttributeValue& v, std::type_identity<DType>);
Result<Tensor> from_attribute(const AttributeValue& v, std::type_identity<Tensor>);
// Index of a word among names, or a malformed Status that lists them.
Result<std::size_t> word_index(const AttributeValue& v, std::span<const std::string_view> names);
template <NamedEnum E>
Result<E> from_attribute(const AttributeValue& v, std::type_identity<E>) {
  ASSIGN(std::size_t i, word_index(v, enum_names(E{})));
  return static_cast<E>(i);
}
template <class T>
Result<std::vector<T>> from_attribute(const AttributeValue& v, std::type_identity<std::vector<T>>) {
  const auto* list = std::get_if<AttributeValue::List>(&v.value);
  if (!list) return malformed("expected a list [...]");
  std::vector<T> out;
  for (const AttributeValue& item : *list) {
    ASSIGN(T x, from_attribute(item, std::type_identity<T>{}));
    out.push_back(std::move(x));
  }
  return out;
}

// Equality of generic values (NaN equals NaN, -0 is not 0, tensors by bits).
bool same_attribute(const AttributeValue& a, const AttributeValue& b);

// --- whole structs ---

template <class S>
std::vector<NamedAttribute> describe_attributes(const S& s) {
  std::vector<NamedAttribute> out;
  const S defaults{};
  std::apply(
      [&](const auto&... f) {
        [[maybe_unused]] auto one = [&](const auto& x) {
          AttributeValue v = to_attribute(s.*(x.member));
          if (!same_attribute(v, to_attribute(defaults.*(x.member))))
            out.push_back({std::string(x.name), std::move(v)});
        };
        (one(f), ...);
      },
      S::kFields);
  return out;
}

template <class S>
Result<S> build_attributes(std::span<const NamedAttribute> attributes) {
  S s{};
  for (const NamedAttribute& a : attributes) {
    bool found = false;
    Status status;
    std::apply(
        [&](const auto&... f) {
          [[maybe_unused]] auto one = [&](const auto& x) {
            if (found || a.name != x.name) return;
            found = true;
            using T = std::remove_cvref_t<decltype(s.*(x.member))>;
            Result<T> r = from_attribute(a.value, std::type_identity<T>{});
            if (r.ok())
              s.*(x.member) = std::move(r).value();
            else
              status = std::move(r).status();
          };
          (one(f), ...);
        },
        S::kFields);
    if (!found) return malformed("unknown attribute '" + a.name + "'");
    if (!status.ok()) return std::move(status).in("attribute '" + a.name + "'");
  }
  return s;
}

// An attribute struct without fields.
struct NoAttributes {
  static constexpr std::tuple<> kFields{};
};

// An immutable attribute struct of any type; whoever holds it knows the type from the primitive
// beside it.
using AttributePtr = std::shared_ptr<const void>;
template <class S>
AttributePtr make_attributes(S s) {
  return std::make_shared<const S>(std::move(s));
}

}  // namespace gossamer
