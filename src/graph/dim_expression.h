// What a Dim with symbols consists of: a polynomial over atoms, with its text, its depth and a
// certain lower bound kept beside it. Internal to the dim*.cc files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/dim.h"

namespace gossamer {

// A symbol, or a function that ring arithmetic cannot look into.
struct DimAtom {
  enum class Kind : std::uint8_t { symbol, floor_div, floor_mod, min, max };
  Kind kind = Kind::symbol;
  std::vector<Dim> args;              // none for a symbol; sorted by text for min and max
  std::string text;                   // the symbol's name, or the call; equal atoms have equal text
  int depth = 0;                      // of nested calls; 0 for a symbol
  std::optional<std::int64_t> lower;  // the atom is certainly at least this
};
using DimAtomPtr = std::shared_ptr<const DimAtom>;

// coefficient * product of factors; factors are sorted by text, a power is a repetition.
struct DimTerm {
  std::int64_t coefficient = 0;
  std::vector<DimAtomPtr> factors;
};

// Terms are in descending graded lexical order (an admissible monomial order: division relies on
// it), each monomial once, no coefficient 0, never a mere constant.
struct DimExpression {
  std::vector<DimTerm> terms;
  std::string text;
  int depth = 0;
  std::optional<std::int64_t> lower;

  static constexpr std::size_t kMaxTerms = 64;
  static constexpr std::size_t kMaxText = 1024;
  static constexpr int kMaxDepth = 16;

  // Brings terms into canonical form. Nothing when that overflows or is larger than the limits
  // above.
  static std::optional<Dim> make(std::vector<DimTerm> terms);
  // The symbol that stands for an expression which is not kept; it depends on the text only, and
  // unlike other symbols may be negative.
  static Dim opaque(std::string_view text);
  // The call of a function on arguments, or an opaque symbol when that is too large.
  static Dim call(DimAtom::Kind kind, std::vector<Dim> args);
  static std::vector<DimTerm> terms_of(const Dim& dim);  // of a number too
  // The atom that the whole expression is, or null.
  static const DimAtom* single_atom(const Dim& dim);
  static std::optional<std::int64_t> lower_of(const Dim& dim);
  static int depth_of(const Dim& dim);
};

std::string_view dim_function_name(DimAtom::Kind kind);

}  // namespace gossamer
