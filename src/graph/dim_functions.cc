// The functions of Dims that ring arithmetic cannot look into: divisions, min and max. They fold
// what they can, so that the same extent computed in two ways tends to end as the same expression.
#include <algorithm>
#include <numeric>

#include "base/shape.h"
#include "graph/dim.h"
#include "graph/dim_expression.h"

namespace gossamer {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

// b > 0.
std::int64_t floor_quotient(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

bool divides(std::int64_t a, std::int64_t b) { return b != 0 && !(a == kLeast && b == -1); }

Dim from_term(DimTerm term) {
  std::vector<DimTerm> terms;
  terms.push_back(std::move(term));
  return DimExpression::make(std::move(terms)).value_or(Dim(0));
}

// The monomial a / b, or nothing.
std::optional<DimTerm> divide_terms(const DimTerm& a, const DimTerm& b) {
  if (!divides(a.coefficient, b.coefficient) || a.coefficient % b.coefficient != 0) {
    return std::nullopt;
  }
  DimTerm quotient{a.coefficient / b.coefficient, {}};
  std::size_t used = 0;
  for (const DimAtomPtr& atom : a.factors) {
    if (used < b.factors.size() && b.factors[used]->text == atom->text) {
      ++used;
    } else {
      quotient.factors.push_back(atom);
    }
  }
  if (used != b.factors.size()) return std::nullopt;
  return quotient;
}

// a / b when b divides a as a polynomial.
std::optional<Dim> exact_quotient(const Dim& a, const Dim& b) {
  const std::vector<DimTerm> divisor = DimExpression::terms_of(b);
  if (divisor.empty()) return std::nullopt;
  Dim quotient;
  Dim rest = a;
  for (std::size_t step = 0; step < DimExpression::kMaxTerms; ++step) {
    const std::vector<DimTerm> terms = DimExpression::terms_of(rest);
    if (terms.empty()) return quotient;
    std::optional<DimTerm> term = divide_terms(terms[0], divisor[0]);
    if (!term) return std::nullopt;
    Dim part = from_term(*std::move(term));
    rest = rest - part * b;
    quotient = quotient + part;
  }
  return std::nullopt;
}

// The coefficients of `dim` reduced to [0, divisor), divisor > 1.
std::vector<DimTerm> remainders(const Dim& dim, std::int64_t divisor) {
  std::vector<DimTerm> rest;
  for (DimTerm& term : DimExpression::terms_of(dim)) {
    std::int64_t r = term.coefficient % divisor;
    if (r < 0) r += divisor;
    if (r != 0) rest.push_back({r, std::move(term.factors)});
  }
  return rest;
}

bool is_number(const std::vector<DimTerm>& terms) {
  return terms.empty() || (terms.size() == 1 && terms[0].factors.empty());
}

// floor_div by a number above 1: whole multiples come out, what is left has coefficients in [0,
// divisor).
Dim floor_div_by(const Dim& a, std::int64_t divisor) {
  std::vector<DimTerm> whole_terms;
  for (DimTerm& term : DimExpression::terms_of(a)) {
    const std::int64_t q = floor_quotient(term.coefficient, divisor);
    if (q != 0) whole_terms.push_back({q, std::move(term.factors)});
  }
  const Dim whole = DimExpression::make(std::move(whole_terms)).value_or(Dim(0));
  std::vector<DimTerm> rest = remainders(a, divisor);
  if (is_number(rest)) return whole;

  // floor((g*p + c) / (g*d)) = floor((p + floor(c/g)) / d)
  std::int64_t common = divisor;
  for (const DimTerm& term : rest) {
    if (!term.factors.empty()) common = std::gcd(common, term.coefficient);
  }
  divisor /= common;
  for (DimTerm& term : rest) term.coefficient /= common;
  std::erase_if(rest, [](const DimTerm& t) { return t.coefficient == 0; });
  const std::optional<Dim> inner = DimExpression::make(rest);
  if (!inner) return DimExpression::call(DimAtom::Kind::floor_div, {a, Dim(divisor * common)});
  if (divisor == 1) return whole + *inner;

  // floor((floor(x/e) + c) / d) = floor((x + c*e) / (e*d))
  const std::int64_t c = rest.back().factors.empty() ? rest.back().coefficient : 0;
  const DimAtom* atom = DimExpression::single_atom(*inner - Dim(c));
  if (atom && atom->kind == DimAtom::Kind::floor_div) {
    const std::optional<std::int64_t> e = atom->args[1].constant();
    const std::optional<std::int64_t> both = e ? checked_mul(*e, divisor) : std::nullopt;
    if (both && *e > 1) return whole + floor_div_by(atom->args[0] + Dim(c) * Dim(*e), *both);
  }
  return whole + DimExpression::call(DimAtom::Kind::floor_div, {*inner, Dim(divisor)});
}

// floor_mod by a number above 1.
Dim floor_mod_by(const Dim& a, std::int64_t divisor) {
  std::vector<DimTerm> rest = remainders(a, divisor);
  std::int64_t common = divisor;
  for (const DimTerm& term : rest) common = std::gcd(common, term.coefficient);
  if (!is_number(rest)) {
    for (DimTerm& term : rest) term.coefficient /= common;
  }
  const bool number = is_number(rest);
  const std::optional<Dim> inner = DimExpression::make(std::move(rest));
  if (!inner) return DimExpression::call(DimAtom::Kind::floor_mod, {a, Dim(divisor)});
  if (number) return *inner;
  if (divisor == common) return 0;
  return Dim(common) *
         DimExpression::call(DimAtom::Kind::floor_mod, {*inner, Dim(divisor / common)});
}

// Arguments of min or max, flat, without those that another certainly makes redundant.
Dim extremum(DimAtom::Kind kind, const Dim& a, const Dim& b) {
  std::vector<Dim> candidates;
  for (const Dim& dim : {a, b}) {
    const DimAtom* atom = DimExpression::single_atom(dim);
    if (atom && atom->kind == kind) {
      candidates.insert(candidates.end(), atom->args.begin(), atom->args.end());
    } else {
      candidates.push_back(dim);
    }
  }
  const bool is_min = kind == DimAtom::Kind::min;
  const auto beyond = [&](const Dim& x, const Dim& y) {
    std::optional<std::int64_t> gap = DimExpression::lower_of(is_min ? x - y : y - x);
    return gap && *gap >= 0;
  };
  const auto redundant = [&](const Dim& x, const Dim& y) {  // y makes x redundant
    if (beyond(x, y)) return true;
    // max(min(a, y), y) is y, and the other way round.
    const DimAtom* atom = DimExpression::single_atom(x);
    return atom && atom->kind == (is_min ? DimAtom::Kind::max : DimAtom::Kind::min) &&
           std::any_of(atom->args.begin(), atom->args.end(),
                       [&](const Dim& z) { return beyond(z, y); });
  };
  std::vector<Dim> kept;
  for (const Dim& x : candidates) {
    if (std::any_of(kept.begin(), kept.end(), [&](const Dim& y) { return redundant(x, y); })) {
      continue;
    }
    std::erase_if(kept, [&](const Dim& y) { return redundant(y, x); });
    kept.push_back(x);
  }
  if (kept.size() == 1) return kept[0];
  std::sort(kept.begin(), kept.end(),
            [](const Dim& x, const Dim& y) { return x.to_string() < y.to_string(); });
  return DimExpression::call(kind, std::move(kept));
}

}  // namespace

Dim floor_div(const Dim& a, const Dim& b) {
  if (std::optional<std::int64_t> divisor = b.constant()) {
    if (*divisor == 0) return DimExpression::call(DimAtom::Kind::floor_div, {a, b});
    if (*divisor < 0) {
      if (*divisor == kLeast) return DimExpression::call(DimAtom::Kind::floor_div, {a, b});
      return floor_div(Dim(0) - a, Dim(-*divisor));
    }
    if (*divisor == 1) return a;
    return floor_div_by(a, *divisor);
  }
  if (std::optional<Dim> quotient = exact_quotient(a, b)) return *quotient;
  return DimExpression::call(DimAtom::Kind::floor_div, {a, b});
}

Dim ceil_div(const Dim& a, const Dim& b) {
  const std::optional<std::int64_t> x = a.constant();
  const std::optional<std::int64_t> y = b.constant();
  if (x && y && *y > 0) return *x / *y + (*x % *y > 0 ? 1 : 0);
  if (y && *y > 0) return floor_div(a + Dim(*y - 1), b);
  return Dim(0) - floor_div(Dim(0) - a, b);
}

Dim floor_mod(const Dim& a, const Dim& b) {
  if (std::optional<std::int64_t> divisor = b.constant()) {
    if (*divisor == 0 || *divisor == kLeast) {
      return DimExpression::call(DimAtom::Kind::floor_mod, {a, b});
    }
    if (*divisor < 0) return Dim(0) - floor_mod(Dim(0) - a, Dim(-*divisor));
    if (*divisor == 1) return 0;
    return floor_mod_by(a, *divisor);
  }
  if (exact_quotient(a, b)) return 0;
  return DimExpression::call(DimAtom::Kind::floor_mod, {a, b});
}

Dim min(const Dim& a, const Dim& b) { return extremum(DimAtom::Kind::min, a, b); }
Dim max(const Dim& a, const Dim& b) { return extremum(DimAtom::Kind::max, a, b); }

}  // namespace gossamer
