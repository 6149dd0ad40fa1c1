// Einsum: diagonals and sums of each operand, then products from left to right.
#include <algorithm>

#include "onnx/einsum.h"
#include "onnx/lowering.h"
#include "reference/matmul.h"
#include "reference/reduce.h"

namespace gossamer::onnx {
namespace {

// A tensor under construction and the label of each of its axes.
struct Term {
  ValueId value = kNoValue;
  Labels labels;
};

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

int position(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

// A letter that comes twice in one term reads the diagonal.
Status take_diagonals(Builder& b, Term& t) {
  for (std::size_t i = 0; i < t.labels.size(); ++i)
    for (std::size_t j = i + 1; j < t.labels.size();) {
      if (t.labels[j] != t.labels[i]) {
        ++j;
        continue;
      }
      ASSIGN(t.value, b.copy(t.value, {DiagonalStep{static_cast<int>(i), static_cast<int>(j)}}));
      t.labels.erase(t.labels.begin() + static_cast<std::ptrdiff_t>(j));
    }
  return {};
}

// Sums over the axes whose labels nobody else reads.
Status sum_lone(Builder& b, Term& t, const Labels& needed) {
  ReduceAttributes a;
  Labels kept;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    if (has(needed, t.labels[i]))
      kept.push_back(t.labels[i]);
    else
      a.axes.push_back(static_cast<int>(i));
  }
  if (a.axes.empty()) return {};
  ASSIGN(t.value, b.one(kReduce, a, {t.value}));
  t.labels = std::move(kept);
  return {};
}

Result<ValueId> arrange(Builder& b, const Term& t, const Labels& order) {
  std::vector<int> perm;
  for (int label : order) perm.push_back(position(t.labels, label));
  return b.transpose(t.value, perm);
}

Labels joined(std::initializer_list<Labels> lists) {
  Labels all;
  for (const Labels& l : lists) all.insert(all.end(), l.begin(), l.end());
  return all;
}

// Axes [keep, keep + first) and the `second` after them, merged into one axis each.
Result<ValueId> as_matrix(Builder& b, ValueId v, std::size_t keep, std::size_t first,
                          std::size_t second) {
  std::vector<ReshapeEntry> dims;
  for (std::size_t i = 0; i < keep; ++i) dims.push_back(ReshapeEntry::keep(static_cast<int>(i)));
  for (const auto& [at, count] : {std::pair{keep, first}, std::pair{keep + first, second}}) {
    const int from = static_cast<int>(at), to = static_cast<int>(at + count) - 1;
    if (count == 0)
      dims.push_back(ReshapeEntry::of(1));
    else if (count == 1)
      dims.push_back(ReshapeEntry::keep(from));
    else
      dims.push_back(ReshapeEntry::merge(from, to));
  }
  return b.reshape(v, std::move(dims));
}

// Splits axis `axis` of the product into the extents that `labels` have in t; none drop it.
Status split_axis(Builder& b, const Term& t, const Labels& labels, int axis, ReshapeStep& step,
                  std::vector<ValueId>& args) {
  if (labels.size() == 1) {
    step.dims.push_back(ReshapeEntry::keep(axis));
    return {};
  }
  for (int label : labels) {
    const int at = position(t.labels, label);
    if (const auto n = b.type(t.value).dim(at).constant()) {
      step.dims.push_back(ReshapeEntry::of(*n));
      continue;
    }
    ASSIGN(const ValueId extent, b.dim_of(t.value, at));
    args.push_back(extent);
    step.dims.push_back(ReshapeEntry::of(Extent::from_operand(static_cast<int>(args.size()), 0)));
  }
  return {};
}

// The product of two terms, summed over the shared labels that nobody else reads.
Result<Term> multiply(Builder& b, const Term& x, const Term& y, const Labels& needed) {
  Labels batch, summed, left, right;
  for (int label : x.labels) {
    if (!has(y.labels, label))
      left.push_back(label);
    else
      (has(needed, label) ? batch : summed).push_back(label);
  }
  for (int label : y.labels)
    if (!has(x.labels, label)) right.push_back(label);
  ASSIGN(ValueId a, arrange(b, x, joined({batch, left, summed})));
  ASSIGN(ValueId c, arrange(b, y, joined({batch, summed, right})));
  ASSIGN(a, as_matrix(b, a, batch.size(), left.size(), summed.size()));
  ASSIGN(c, as_matrix(b, c, batch.size(), summed.size(), right.size()));
  ASSIGN(const ValueId product, b.one(kMatMul, MatMulAttributes{}, {a, c}));
  ReshapeStep step;
  std::vector<ValueId> args;
  const int first = static_cast<int>(batch.size());
  for (int i = 0; i < first; ++i) step.dims.push_back(ReshapeEntry::keep(i));
  TRY(split_axis(b, x, left, first, step, args));
  TRY(split_axis(b, y, right, first + 1, step, args));
  Term result;
  result.labels = joined({batch, left, right});
  if (left.size() == 1 && right.size() == 1) {
    result.value = product;
    return result;
  }
  ASSIGN(result.value, b.copy(product, {std::move(step)}, std::move(args)));
  return result;
}

DType computed_in(DType dtype) {
  if (dtype == DType::f16 || dtype == DType::bf16) return DType::f32;
  return dtype == DType::i8 || dtype == DType::u8 ? DType::i32 : dtype;
}

}  // namespace

Status lower_einsum(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const std::string text, l.required_string("equation"));
  std::vector<int> ranks;
  std::vector<Term> terms;
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    ASSIGN(const int rank, l.rank(i));
    ranks.push_back(rank);
    Term t;
    ASSIGN(t.value, b.cast(l.input(i), computed_in(l.dtype(i))));
    terms.push_back(std::move(t));
  }
  ASSIGN(const Equation equation, parse_equation(text, ranks));
  for (std::size_t i = 0; i < terms.size(); ++i) terms[i].labels = equation.terms[i];
  // What the terms after i and the output read.
  const auto needed_after = [&](std::size_t i) {
    Labels needed = equation.output;
    for (std::size_t j = i; j < terms.size(); ++j)
      needed.insert(needed.end(), equation.terms[j].begin(), equation.terms[j].end());
    return needed;
  };
  Term result;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    TRY(take_diagonals(b, terms[i]));
    Labels others = needed_after(i + 1);
    for (std::size_t j = 0; j < i; ++j)
      others.insert(others.end(), equation.terms[j].begin(), equation.terms[j].end());
    TRY(sum_lone(b, terms[i], others));
    if (i == 0) {
      result = terms[0];
    } else {
      ASSIGN(result, multiply(b, result, terms[i], needed_after(i + 1)));
    }
  }
  ASSIGN(const ValueId y, arrange(b, result, equation.output));
  return l.output(b.cast(y, l.dtype(0)));
}

}  // namespace gossamer::onnx
