// Dim: an extent of a shape as a number or as an expression over symbols, kept in a canonical form
// (a polynomial with integer coefficients over symbols and opaque atoms such as floor_div), so that
// equal expressions compare equal as far as ring arithmetic goes. Symbols stand for integers that
// are not negative. Immutable, cheap to copy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gossamer {

struct DimExpression;

class Dim {
 public:
  Dim(std::int64_t value = 0) : value_(value) {}
  // A named symbol. Names follow [A-Za-z_][A-Za-z0-9_.]*; other characters are replaced by '_'.
  static Dim symbol(std::string_view name);

  bool is_constant() const { return expression_ == nullptr; }
  // The number, or nothing for an expression with symbols.
  std::optional<std::int64_t> constant() const;
  bool operator==(const Dim& other) const;

  // Largest expression that is kept exact; beyond it an operation gives a fresh-looking opaque
  // symbol name that depends only on its text, so equal inputs still give equal results.
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);

  // The symbols in it, sorted.
  std::vector<std::string> symbols() const;
  // The value under an assignment of symbols, or nothing when one is missing or the arithmetic
  // overflows.
  std::optional<std::int64_t> evaluate(
      const std::function<std::optional<std::int64_t>(std::string_view)>& lookup) const;
  // Replaces symbols; those for which the function gives nothing stay.
  Dim substitute(const std::function<std::optional<Dim>(std::string_view)>& lookup) const;

  std::string to_string() const;                    // "2*h*w+1", "floor_div(h+1,2)"
  static Result<Dim> parse(std::string_view text);  // what to_string prints

  // Whether it is certainly positive (all coefficients positive with a positive constant term, or a
  // positive number).
  bool certainly_positive() const;

 private:
  friend struct DimExpression;
  std::int64_t value_ = 0;
  std::shared_ptr<const DimExpression> expression_;
};

Dim floor_div(const Dim& a,
              const Dim& b);  // towards minus infinity; exact division of polynomials is recognized
Dim ceil_div(const Dim& a, const Dim& b);
Dim floor_mod(const Dim& a, const Dim& b);  // sign of b
Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);

}  // namespace gossamer
