// Canonical polynomials: sums and products of Dims, their text, evaluation and substitution.
#include "graph/dim.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/shape.h"
#include "graph/dim_expression.h"

namespace gossamer {
namespace {

constexpr std::string_view kOpaquePrefix = "opaque_";
constexpr std::size_t kMaxSymbol = 128;
// Products of more pairs of terms than this are not multiplied out.
constexpr std::size_t kMaxProducts = 256;

// Negative when the monomial of a comes before that of b.
int compare_monomials(const DimTerm& a, const DimTerm& b) {
  if (a.factors.size() != b.factors.size()) return a.factors.size() > b.factors.size() ? -1 : 1;
  for (std::size_t i = 0; i < a.factors.size(); ++i) {
    if (a.factors[i] == b.factors[i]) continue;
    if (int c = a.factors[i]->text.compare(b.factors[i]->text); c != 0) return c;
  }
  return 0;
}

std::string hash_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  std::string digits(16, '0');
  for (std::size_t i = 0; i < 16; ++i) digits[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
  return digits;
}

void append_term(const DimTerm& term, std::string& text) {
  if (!text.empty() && term.coefficient > 0) text += '+';
  if (term.factors.empty()) {
    text += std::to_string(term.coefficient);
    return;
  }
  if (term.coefficient == -1) {
    text += '-';
  } else if (term.coefficient != 1) {
    text += std::to_string(term.coefficient) + "*";
  }
  for (std::size_t i = 0; i < term.factors.size(); ++i) {
    if (i > 0) text += '*';
    text += term.factors[i]->text;
  }
}

// Known only when every factor is certainly not negative and the coefficient positive, or for a
// number.
std::optional<std::int64_t> term_lower(const DimTerm& term) {
  if (term.coefficient < 0 && !term.factors.empty()) return std::nullopt;
  std::int64_t lower = term.coefficient;
  for (const DimAtomPtr& atom : term.factors) {
    if (!atom->lower || *atom->lower < 0) return std::nullopt;
    std::optional<std::int64_t> product = checked_mul(lower, *atom->lower);
    if (!product) return std::nullopt;
    lower = *product;
  }
  return lower;
}

Dim symbol_named(std::string name, std::optional<std::int64_t> lower) {
  auto atom = std::make_shared<DimAtom>();
  atom->text = std::move(name);
  atom->lower = lower;
  std::vector<DimTerm> terms(1);
  terms[0].coefficient = 1;
  terms[0].factors.push_back(std::move(atom));
  return DimExpression::make(std::move(terms)).value_or(Dim(0));
}

bool name_character(char c, bool first) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return letter || (!first && ((c >= '0' && c <= '9') || c == '.'));
}

// The terms of a and b, those of b times `factor`; nothing on overflow.
std::optional<std::vector<DimTerm>> added(const Dim& a, const Dim& b, std::int64_t factor) {
  std::vector<DimTerm> terms = DimExpression::terms_of(a);
  for (DimTerm& term : DimExpression::terms_of(b)) {
    std::optional<std::int64_t> c = checked_mul(term.coefficient, factor);
    if (!c) return std::nullopt;
    terms.push_back({*c, std::move(term.factors)});
  }
  return terms;
}

std::optional<std::vector<DimTerm>> multiplied(const Dim& a, const Dim& b) {
  const std::vector<DimTerm> left = DimExpression::terms_of(a);
  const std::vector<DimTerm> right = DimExpression::terms_of(b);
  if (left.size() * right.size() > kMaxProducts) return std::nullopt;
  std::vector<DimTerm> terms;
  for (const DimTerm& x : left) {
    for (const DimTerm& y : right) {
      std::optional<std::int64_t> c = checked_mul(x.coefficient, y.coefficient);
      if (!c) return std::nullopt;
      DimTerm term{*c, {}};
      std::merge(x.factors.begin(), x.factors.end(), y.factors.begin(), y.factors.end(),
                 std::back_inserter(term.factors),
                 [](const DimAtomPtr& p, const DimAtomPtr& q) { return p->text < q->text; });
      terms.push_back(std::move(term));
    }
  }
  return terms;
}

// The opaque symbol for a commutative operation that is too large to keep.
Dim opaque_operation(const Dim& a, const Dim& b, char op) {
  std::string left = a.to_string();
  std::string right = b.to_string();
  if (op != '-' && right < left) std::swap(left, right);
  return DimExpression::opaque("(" + left + ")" + op + "(" + right + ")");
}

void collect_symbols(const Dim& dim, std::set<std::string>& names) {
  if (dim.is_constant()) return;
  for (const DimTerm& term : DimExpression::terms_of(dim)) {
    for (const DimAtomPtr& atom : term.factors) {
      if (atom->kind == DimAtom::Kind::symbol) names.insert(atom->text);
      for (const Dim& arg : atom->args) collect_symbols(arg, names);
    }
  }
}

using Lookup = std::function<std::optional<std::int64_t>(std::string_view)>;

std::optional<std::int64_t> evaluate_atom(const DimAtom& atom, const Lookup& lookup) {
  if (atom.kind == DimAtom::Kind::symbol) return lookup(atom.text);
  std::vector<std::int64_t> args;
  for (const Dim& arg : atom.args) {
    std::optional<std::int64_t> value = arg.evaluate(lookup);
    if (!value) return std::nullopt;
    args.push_back(*value);
  }
  switch (atom.kind) {
    case DimAtom::Kind::floor_div:
      return floor_div(Dim(args[0]), Dim(args[1])).constant();
    case DimAtom::Kind::floor_mod:
      return floor_mod(Dim(args[0]), Dim(args[1])).constant();
    case DimAtom::Kind::min:
      return *std::min_element(args.begin(), args.end());
    default:
      return *std::max_element(args.begin(), args.end());
  }
}

}  // namespace

std::string_view dim_function_name(DimAtom::Kind kind) {
  static constexpr std::string_view kNames[] = {"", "floor_div", "floor_mod", "min", "max"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<Dim> DimExpression::make(std::vector<DimTerm> terms) {
  std::sort(terms.begin(), terms.end(),
            [](const DimTerm& a, const DimTerm& b) { return compare_monomials(a, b) < 0; });
  auto expression = std::make_shared<DimExpression>();
  std::vector<DimTerm>& kept = expression->terms;
  for (DimTerm& term : terms) {
    if (!kept.empty() && compare_monomials(kept.back(), term) == 0) {
      std::optional<std::int64_t> sum = checked_add(kept.back().coefficient, term.coefficient);
      if (!sum) return std::nullopt;
      kept.back().coefficient = *sum;
    } else {
      if (!kept.empty() && kept.back().coefficient == 0) kept.pop_back();
      kept.push_back(std::move(term));
    }
  }
  if (!kept.empty() && kept.back().coefficient == 0) kept.pop_back();
  if (kept.empty()) return Dim(0);
  if (kept.size() == 1 && kept[0].factors.empty()) return Dim(kept[0].coefficient);
  if (kept.size() > kMaxTerms) return std::nullopt;

  expression->lower = 0;
  for (const DimTerm& term : kept) {
    append_term(term, expression->text);
    if (expression->text.size() > kMaxText) return std::nullopt;
    for (const DimAtomPtr& atom : term.factors) {
      expression->depth = std::max(expression->depth, atom->depth);
    }
    std::optional<std::int64_t> lower = term_lower(term);
    if (lower && expression->lower) {
      expression->lower = checked_add(*expression->lower, *lower);
    } else {
      expression->lower.reset();
    }
  }
  if (expression->depth > kMaxDepth) return std::nullopt;
  Dim dim;
  dim.expression_ = std::move(expression);
  return dim;
}

Dim DimExpression::opaque(std::string_view text) {
  return symbol_named(std::string(kOpaquePrefix) + hash_text(text), std::nullopt);
}

Dim DimExpression::call(DimAtom::Kind kind, std::vector<Dim> args) {
  auto atom = std::make_shared<DimAtom>();
  atom->kind = kind;
  atom->text = std::string(dim_function_name(kind)) + "(";
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0) atom->text += ',';
    atom->text += args[i].to_string();
    atom->depth = std::max(atom->depth, depth_of(args[i]) + 1);
  }
  atom->text += ')';
  std::optional<std::int64_t> first = lower_of(args[0]);
  std::optional<std::int64_t> last = lower_of(args.back());
  if (kind == DimAtom::Kind::floor_div) {
    if (first >= 0 && last >= 1) atom->lower = 0;
  } else if (kind == DimAtom::Kind::floor_mod) {
    if (last >= 1) atom->lower = 0;
  } else {
    // An unknown bound counts as less than any number: right for max, and min has none then.
    atom->lower = first;
    for (const Dim& arg : args) {
      std::optional<std::int64_t> lower = lower_of(arg);
      atom->lower =
          kind == DimAtom::Kind::min ? std::min(atom->lower, lower) : std::max(atom->lower, lower);
    }
  }
  atom->args = std::move(args);
  std::string text = atom->text;
  std::vector<DimTerm> terms(1);
  terms[0].coefficient = 1;
  terms[0].factors.push_back(std::move(atom));
  std::optional<Dim> dim = make(std::move(terms));
  return dim ? *dim : opaque(text);
}

std::vector<DimTerm> DimExpression::terms_of(const Dim& dim) {
  if (dim.expression_) return dim.expression_->terms;
  if (dim.value_ == 0) return {};
  return {DimTerm{dim.value_, {}}};
}

const DimAtom* DimExpression::single_atom(const Dim& dim) {
  if (!dim.expression_ || dim.expression_->terms.size() != 1) return nullptr;
  const DimTerm& term = dim.expression_->terms[0];
  return term.coefficient == 1 && term.factors.size() == 1 ? term.factors[0].get() : nullptr;
}

std::optional<std::int64_t> DimExpression::lower_of(const Dim& dim) {
  return dim.expression_ ? dim.expression_->lower : std::optional(dim.value_);
}

int DimExpression::depth_of(const Dim& dim) { return dim.expression_ ? dim.expression_->depth : 0; }

Dim Dim::symbol(std::string_view name) {
  std::string clean;
  clean.reserve(name.size());
  for (char c : name.substr(0, kMaxSymbol)) {
    if (clean.empty() && c >= '0' && c <= '9') clean += '_';
    clean += name_character(c, clean.empty()) ? c : '_';
  }
  if (clean.empty()) clean = "_";
  if (name.size() > kMaxSymbol) clean = clean.substr(0, kMaxSymbol - 20) + "_" + hash_text(name);
  const bool opaque = clean.starts_with(kOpaquePrefix);
  return symbol_named(std::move(clean), opaque ? std::nullopt : std::optional<std::int64_t>(0));
}

std::optional<std::int64_t> Dim::constant() const {
  return is_constant() ? std::optional(value_) : std::nullopt;
}

bool Dim::operator==(const Dim& other) const {
  if (is_constant() || other.is_constant()) {
    return is_constant() && other.is_constant() && value_ == other.value_;
  }
  return expression_ == other.expression_ || expression_->text == other.expression_->text;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    if (std::optional<std::int64_t> sum = checked_add(a.value_, b.value_)) return *sum;
    return opaque_operation(a, b, '+');
  }
  if (a.is_constant() && a.value_ == 0) return b;
  if (b.is_constant() && b.value_ == 0) return a;
  if (std::optional<std::vector<DimTerm>> terms = added(a, b, 1)) {
    if (std::optional<Dim> dim = DimExpression::make(*std::move(terms))) return *dim;
  }
  return opaque_operation(a, b, '+');
}

Dim operator-(const Dim& a, const Dim& b) {
  if (b.is_constant() && b.value_ == 0) return a;
  if (std::optional<std::vector<DimTerm>> terms = added(a, b, -1)) {
    if (std::optional<Dim> dim = DimExpression::make(*std::move(terms))) return *dim;
  }
  return opaque_operation(a, b, '-');
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) {
    if (std::optional<std::int64_t> product = checked_mul(a.value_, b.value_)) return *product;
    return opaque_operation(a, b, '*');
  }
  if (a.is_constant() && a.value_ == 1) return b;
  if (b.is_constant() && b.value_ == 1) return a;
  if (std::optional<std::vector<DimTerm>> terms = multiplied(a, b)) {
    if (std::optional<Dim> dim = DimExpression::make(*std::move(terms))) return *dim;
  }
  return opaque_operation(a, b, '*');
}

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> names;
  collect_symbols(*this, names);
  return {names.begin(), names.end()};
}

std::optional<std::int64_t> Dim::evaluate(const Lookup& lookup) const {
  if (is_constant()) return value_;
  std::int64_t sum = 0;
  for (const DimTerm& term : expression_->terms) {
    std::int64_t product = term.coefficient;
    for (const DimAtomPtr& atom : term.factors) {
      std::optional<std::int64_t> value = evaluate_atom(*atom, lookup);
      if (value) value = checked_mul(product, *value);
      if (!value) return std::nullopt;
      product = *value;
    }
    std::optional<std::int64_t> next = checked_add(sum, product);
    if (!next) return std::nullopt;
    sum = *next;
  }
  return sum;
}

Dim Dim::substitute(const std::function<std::optional<Dim>(std::string_view)>& lookup) const {
  if (is_constant()) return *this;
  Dim sum;
  for (const DimTerm& term : expression_->terms) {
    Dim product(term.coefficient);
    for (const DimAtomPtr& atom : term.factors) {
      Dim factor;
      if (atom->kind == DimAtom::Kind::symbol) {
        std::optional<Dim> found = lookup(atom->text);
        factor = found ? *found : Dim::symbol(atom->text);
      } else {
        std::vector<Dim> args;
        for (const Dim& arg : atom->args) args.push_back(arg.substitute(lookup));
        factor = args[0];
        for (std::size_t i = 1; i < args.size(); ++i) {
          factor = atom->kind == DimAtom::Kind::floor_div   ? floor_div(factor, args[i])
                   : atom->kind == DimAtom::Kind::floor_mod ? floor_mod(factor, args[i])
                   : atom->kind == DimAtom::Kind::min       ? min(factor, args[i])
                                                            : max(factor, args[i]);
        }
      }
      product = product * factor;
    }
    sum = sum + product;
  }
  return sum;
}

std::string Dim::to_string() const {
  return is_constant() ? std::to_string(value_) : expression_->text;
}

bool Dim::certainly_positive() const {
  std::optional<std::int64_t> lower = DimExpression::lower_of(*this);
  return lower && *lower > 0;
}

}  // namespace gossamer
