// What control flow, sequences, tables and text take.
#include <algorithm>

#include "reference/checks.h"
#include "reference/expect.h"
#include "reference/image_decode.h"
#include "reference/text.h"
#include "reference/text_normalize.h"

namespace gossamer::reference {

Status check_if(const IfAttributes&, const Context& c) {
  TRY(expect_arity(c, {1, kAnyCount, 0, kAnyCount}));
  TRY(expect_dtype(c, 0, "the condition", DType::boolean));
  return expect_present(c, 1);
}

Status check_loop(const LoopAttributes& a, const Context& c) {
  TRY(expect_arity(c, {0, kAnyCount, 0, kAnyCount}));
  if (a.carried < 0 || a.reversed.size() != a.scanned() || a.stacked_axes.size() != a.stacked() ||
      a.stacked_reversed.size() != a.stacked() || a.stacked_extents.size() != a.stacked())
    return malformed("the loop's attributes do not fit each other");
  for (const int rank : {a.iteration_rank, a.condition_rank})
    if (rank < 0 || rank > 1) return malformed("iteration and condition have rank 0 or 1");
  const auto negative = [](int axis) { return axis < 0; };
  if (std::any_of(a.axes.begin(), a.axes.end(), negative) ||
      std::any_of(a.stacked_axes.begin(), a.stacked_axes.end(), negative))
    return malformed("an axis is negative");
  if (c.operand_count() < a.own_operands()) return malformed("operands are missing");
  if (c.result_count() != static_cast<std::size_t>(a.carried) + a.stacked())
    return malformed("the results do not fit");
  TRY(expect_present(c, 2));
  if (c.has(0)) TRY(expect_dtype(c, 0, "the trip count", DType::i64));
  if (c.has(1)) TRY(expect_dtype(c, 1, "the condition", DType::boolean));
  for (std::size_t k = 0; k < a.scanned(); ++k)
    TRY(expect_tensor(c, 2 + static_cast<std::size_t>(a.carried) + k, "what is scanned", 1));
  return {};
}

Status check_refuse(const RefuseAttributes&, const Context&) { return {}; }

// --- sequences and optionals ---

Status check_sequence_make(const SequenceMakeAttributes&, const Context& c) {
  TRY(expect_arity(c, {0, kAnyCount}));
  return expect_present(c, 0);
}

Status check_sequence_at(const NoAttributes&, const Context& c) {
  TRY(expect_arity(c, {2, 2}));
  TRY(expect_sequence(c));
  return expect_index(c, 1, "the position");
}

Status check_sequence_insert(const NoAttributes&, const Context& c) {
  TRY(expect_arity(c, {2, 3}));
  TRY(expect_sequence(c));
  if (!c.has(1)) return malformed("the item is missing");
  return c.has(2) ? expect_index(c, 2, "the position") : Status();
}

Status check_sequence_erase(const NoAttributes&, const Context& c) {
  TRY(expect_arity(c, {1, 2}));
  TRY(expect_sequence(c));
  return c.has(1) ? expect_index(c, 1, "the position") : Status();
}

Status check_sequence_length(const NoAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  return expect_sequence(c);
}

Status check_sequence_split(const SequenceSplitAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 2}));
  TRY(expect_tensor(c, 0, "the input", 1));
  TRY(expect_axis(c, a.axis));
  if (!c.has(1)) return {};
  TRY(expect_tensor(c, 1, "the lengths", 0, 1));
  return expect_index(c, 1, "the lengths");
}

Status check_sequence_join(const SequenceJoinAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  return expect_sequence(c);
}

Status check_optional_make(const OptionalMakeAttributes&, const Context& c) {
  return expect_arity(c, {0, 1});
}

Status check_optional_get(const NoAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  return expect_present(c, 0);
}

Status check_optional_has(const NoAttributes&, const Context& c) { return expect_arity(c, {0, 1}); }

// --- tables ---

Status check_lookup(const LookupAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_dtype(c, 0, "the input", a.keys.dtype()));
  if (a.keys.packed() || a.values.packed() || a.otherwise.packed())
    return malformed("a table of packed elements");
  return check_table(a);
}

Status check_n_gram(const NGramAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_tensor(c, 0, "the input", 0, 2));
  return a.words.empty() ? expect_index(c, 0, "the input")
                         : expect_dtype(c, 0, "the input", DType::string);
}

Status check_tree_ensemble(const TreeEnsembleAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_tensor(c, 0, "the input", 2, 2));
  TRY(expect_number(c, 0, "the input"));
  if (a.dtype != DType::f16 && a.dtype != DType::f32 && a.dtype != DType::f64)
    return malformed("the result must be f16, f32 or f64");
  return check_trees(a);
}

// --- text and images ---

Status check_text(const TextAttributes& a, const Context& c) {
  const std::size_t operands = a.op == TextOp::select                            ? 3
                               : a.op == TextOp::concat || a.op == TextOp::equal ? 2
                                                                                 : 1;
  TRY(expect_arity(c, {operands, operands}));
  for (std::size_t i = 0; i < operands; ++i) {
    const bool condition = a.op == TextOp::select && i == 0;
    if (a.op == TextOp::format)
      TRY(expect_tensor(c, i, "the input"));
    else
      TRY(expect_dtype(c, i, "an input", condition ? DType::boolean : DType::string));
  }
  return {};
}

Status check_text_split(const TextSplitAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 1, 1, 2}));
  TRY(expect_dtype(c, 0, "the input", DType::string));
  return a.limit >= 0 ? Status() : malformed("the limit of cuts must not be negative");
}

Status check_text_normalize(const TextNormalizeAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_tensor(c, 0, "the input", 1, 2));
  return expect_dtype(c, 0, "the input", DType::string);
}

Status check_image_decode(const ImageDecodeAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  return expect_dtype(c, 0, "the bytes", DType::u8);
}

}  // namespace gossamer::reference
