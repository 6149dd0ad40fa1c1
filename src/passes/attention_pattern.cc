// Recognizes attention that exporters spell out in parts: softmax(q k^T * scale + mask) v,
// with the scale before the product or after it, the mask added or chosen by.
#include "passes/attention_pattern.h"

#include <algorithm>
#include <cmath>

#include "passes/terms.h"
#include "reference/attention.h"
#include "reference/copy.h"
#include "reference/matmul.h"
#include "reference/softmax.h"

namespace gossamer {
namespace {

// What stands for minus infinity among scores, at most.
constexpr double kLeast = -1e9;
// So little that adding any score of use changes nothing: rows that see no key stay uniform.
constexpr double kClosed = -1e30;

// What softmax is taken of: scale * product + mask, or masked by a condition.
struct Scores {
  const Node* product = nullptr;
  double scale = 1;
  ValueId mask = kNoValue;        // added, or true where a key is open
  double closed = 0;              // what stands where it is closed; 0: the mask is added
  bool open_where_false = false;  // the condition is the other way round
};

Term value_term(ValueId v) { return {.value = v, .node = nullptr, .ref = {}}; }

bool is_plain(const Node& matmul) {
  return matmul.operands.size() == 2 && !attributes_of<MatMulAttributes>(matmul).trans_a;
}

// Whether a mask spans all keys and fits the scores without making them larger.
bool fits(const Type& mask, const Type& scores) {
  if (!mask.ranked() || mask.rank() < 1 || mask.rank() > scores.rank()) return false;
  for (int d = 0; d < mask.rank(); ++d) {
    const Dim& n = mask.dim(d);
    const Dim& wanted = scores.dim(d + scores.rank() - mask.rank());
    const bool last = d + 1 == mask.rank();
    if (!(n == wanted) && (last || !(n == Dim(1)))) return false;
  }
  return true;
}

// A term as another one times a number.
struct Scaled {
  Term term;
  double scale = 1;
};

std::optional<Scaled> read_scaled(const Terms& terms, const Term& t) {
  if (const auto quotient = terms.args(t, PointwiseOp::div)) {
    const std::optional<double> by = terms.number((*quotient)[1]);
    if (!by || *by == 0) return std::nullopt;
    return Scaled{(*quotient)[0], 1 / *by};
  }
  const auto product = terms.args(t, PointwiseOp::mul);
  for (const std::size_t k : {0U, 1U}) {
    const std::optional<double> by = product ? terms.number((*product)[k]) : std::nullopt;
    if (by && std::isfinite(*by)) return Scaled{(*product)[1 - k], *by};
  }
  return std::nullopt;
}

// The product behind a term, scaled by a number perhaps.
bool read_product(const Terms& terms, const Term& t, Scores& s) {
  s.product = terms.producer(t, kMatMul);
  if (const auto scaled = s.product ? std::nullopt : read_scaled(terms, t)) {
    s.scale = scaled->scale;
    s.product = terms.producer(scaled->term, kMatMul);
  }
  return s.product && is_plain(*s.product);
}

// where(open, scores, least) and where(shut, least, scores).
std::optional<Scores> read_choice(const Terms& terms, const Term& t, const Type& type) {
  const auto choice = terms.args(t, PointwiseOp::select);
  for (const std::size_t k : {1U, 2U}) {
    Scores s;
    if (!choice || !read_product(terms, (*choice)[k], s)) continue;
    const std::optional<double> closed = terms.number((*choice)[3 - k]);
    const Type* mask = terms.type((*choice)[0]);
    if (!closed || *closed > kLeast || !mask || !fits(*mask, type)) continue;
    s.mask = (*choice)[0].value;
    s.closed = *closed;
    s.open_where_false = k == 2;
    return s;
  }
  return std::nullopt;
}

std::optional<Scores> read_scores(const Terms& terms, const Term& t, const Type& type) {
  Scores s;
  if (read_product(terms, t, s)) return s;
  const auto sum = terms.args(t, PointwiseOp::add);
  for (const std::size_t k : {0U, 1U}) {
    s = Scores{};
    if (!sum || !read_product(terms, (*sum)[k], s)) continue;
    const Type* mask = terms.type((*sum)[1 - k]);
    if (!mask || mask->dtype != type.dtype || !fits(*mask, type)) continue;
    s.mask = (*sum)[1 - k].value;
    return s;
  }
  return read_choice(terms, t, type);
}

// Softmax's result behind weights: itself, or with rows that see nothing set to zero.
ValueId read_weights(const Terms& terms, ValueId weights, EmptyRow& empty) {
  const auto choice = terms.args(value_term(weights), PointwiseOp::select);
  if (!choice) return weights;
  const auto is_nan = terms.args((*choice)[0], PointwiseOp::isnan);
  if (!is_nan || !((*is_nan)[0] == (*choice)[2]) || terms.number((*choice)[1]) != 0.0)
    return kNoValue;
  empty = EmptyRow::zero;
  return (*choice)[2].value;
}

bool is_stack_of_rows(const Type& t, int rank) {
  return t.ranked() && t.rank() == rank && t.dtype == DType::f32;
}

// Whether two values have the same batch and heads.
bool same_heads(const Type& a, const Type& b) {
  for (int d = 0; d + 2 < a.rank(); ++d)
    if (!(a.dim(d) == b.dim(d))) return false;
  return true;
}

// Keys transposed by a Copy that ends in a permutation, which the other one undoes in part.
bool ends_in_permute(const Rewriter& r, ValueId v) {
  const Node* copy = r.producer(v, kCopy);
  if (!copy) return false;
  const StepList& steps = attributes_of<CopyAttributes>(*copy).steps;
  return !steps.empty() && std::holds_alternative<PermuteStep>(steps.back());
}

// The value without the number that it is scaled by, before or after it was moved.
Result<ValueId> unscaled(Rewriter& r, ValueId v, double& scale) {
  const Terms terms(r.graph());
  if (const auto scaled = read_scaled(terms, value_term(v)); scaled && scaled->term.is_value()) {
    if (r.graph().value(scaled->term.value).type == r.graph().value(v).type) {
      scale *= scaled->scale;
      return unscaled(r, scaled->term.value, scale);
    }
  }
  const Node* copy = r.producer(v, kCopy);
  if (!copy || copy->operands.size() != 1) return v;
  const CopyAttributes moved = attributes_of<CopyAttributes>(*copy);
  const ValueId x = copy->operands[0];
  ASSIGN(const ValueId plain, unscaled(r, x, scale));
  if (plain == x) return v;
  return r.b().one(kCopy, moved, {plain});
}

// The mask as Attention takes it: what is added, or true where keys are open.
Result<ValueId> mask_of(Rewriter& r, const Scores& s) {
  if (s.closed == 0) return s.mask;
  if (std::isinf(s.closed))
    return s.open_where_false ? r.b().unary(PointwiseOp::logical_not, s.mask)
                              : Result<ValueId>(s.mask);
  return r.b().pointwise({s.mask}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref open = e.constant(DType::f32, 0);
    const Ref shut = e.constant(DType::f32, std::min(s.closed, kClosed));
    return s.open_where_false ? e.select(in[0], shut, open) : e.select(in[0], open, shut);
  });
}

// With a batch axis in front where heads and batch are one axis.
Result<ValueId> with_batch(Rewriter& r, ValueId v) {
  return r.b().rank(v) == 3 ? r.b().unsqueeze(v, {0}) : Result<ValueId>(v);
}

// The parts of a spelled-out attention.
struct Parts {
  Scores scores;
  EmptyRow empty_row = EmptyRow::nan;
  ValueId values = kNoValue;
  int rank = 0;
};

std::optional<Parts> read_parts(const Rewriter& r, const Node& node) {
  if (node.primitive != &kMatMul || !is_plain(node)) return std::nullopt;
  if (attributes_of<MatMulAttributes>(node).trans_b) return std::nullopt;
  Parts p;
  p.values = r.at(node.operands[1]);
  const ValueId weights = r.at(node.operands[0]);
  const Terms terms(r.graph());
  const ValueId made = read_weights(terms, weights, p.empty_row);
  const Node* softmax = made == kNoValue ? nullptr : r.producer(made, kSoftmax);
  if (!softmax || r.reads(weights) != 1) return std::nullopt;
  const Type& type = r.graph().value(made).type;
  p.rank = type.ranked() ? type.rank() : 0;
  const auto& a = attributes_of<SoftmaxAttributes>(*softmax);
  const bool fitting = (p.rank == 3 || p.rank == 4) && is_stack_of_rows(type, p.rank) &&
                       is_stack_of_rows(r.graph().value(p.values).type, p.rank) &&
                       a.axis == p.rank - 1 && !a.log;
  if (!fitting || r.reads(softmax->operands[0]) != 1) return std::nullopt;
  const auto scores = read_scores(terms, value_term(softmax->operands[0]), type);
  if (!scores || r.reads(scores->product->results[0]) != 1) return std::nullopt;
  p.scores = *scores;
  return p;
}

// Whether queries and keys are of one batch and the keys can be had untransposed without moving
// them.
bool keys_fit(const Rewriter& r, const Parts& p, ValueId q, ValueId keys, bool transposed) {
  const Type& q_type = r.graph().value(q).type;
  const Type& k_type = r.graph().value(keys).type;
  return is_stack_of_rows(q_type, p.rank) && is_stack_of_rows(k_type, p.rank) &&
         same_heads(q_type, k_type) && same_heads(q_type, r.graph().value(p.values).type) &&
         (transposed || ends_in_permute(r, keys));
}

}  // namespace

Result<bool> recover_attention_at(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const std::optional<Parts> parts = read_parts(r, node);
  if (!parts) return false;
  const ValueId product_q = parts->scores.product->operands[0];
  const ValueId product_k = parts->scores.product->operands[1];
  const bool transposed = attributes_of<MatMulAttributes>(*parts->scores.product).trans_b;
  double scale = parts->scores.scale;
  ASSIGN(ValueId q, unscaled(r, product_q, scale));
  ASSIGN(ValueId k, unscaled(r, product_k, scale));
  if (!keys_fit(r, *parts, q, k, transposed)) return false;
  if (!transposed) {
    ASSIGN(k,
           r.b().transpose(k, parts->rank == 4 ? std::vector{0, 1, 3, 2} : std::vector{0, 2, 1}));
  }
  AttentionAttributes attributes;
  attributes.scale = static_cast<float>(scale);
  attributes.empty_row = parts->empty_row;
  std::vector<ValueId> operands = {q, k, parts->values};
  for (ValueId& v : operands) {
    ASSIGN(v, with_batch(r, v));
  }
  if (parts->scores.mask != kNoValue) {
    ASSIGN(const ValueId mask, mask_of(r, parts->scores));
    operands.push_back(mask);
  }
  ASSIGN(ValueId y, r.b().one(kAttention, attributes, std::move(operands)));
  if (parts->rank == 3) {
    ASSIGN(y, r.b().squeeze(y, {0}));
  }
  TRY(r.replace(node.results[0], y));
  return true;
}

}  // namespace gossamer
