// Recognizes attention that exporters spell out in parts: softmax(q k^T * scale + mask) v.
#include "passes/attention_pattern.h"

#include "passes/terms.h"
#include "reference/attention.h"
#include "reference/copy.h"
#include "reference/matmul.h"
#include "reference/softmax.h"

namespace gossamer {
namespace {

// What softmax is taken of: scale * product + mask.
struct Scores {
  const Node* product = nullptr;
  double scale = 1;
  ValueId mask = kNoValue;
};

bool is_plain(const Node& matmul) {
  const auto& a = attributes_of<MatMulAttributes>(matmul);
  return matmul.operands.size() == 2 && !a.trans_a && !a.trans_b;
}

// Whether a mask spans all keys and fits the scores without making them larger.
bool fits(const Type& mask, const Type& scores) {
  if (!mask.ranked() || mask.rank() < 1 || mask.rank() > 4) return false;
  for (int d = 0; d < mask.rank(); ++d) {
    const Dim& n = mask.dim(d);
    const Dim& wanted = scores.dim(d + 4 - mask.rank());
    const bool last = d + 1 == mask.rank();
    if (!(n == wanted) && (last || !(n == Dim(1)))) return false;
  }
  return true;
}

// The product behind a term, scaled by a number perhaps.
bool read_product(const Terms& terms, const Term& t, Scores& s) {
  s.product = terms.producer(t, kMatMul);
  if (s.product) return is_plain(*s.product);
  if (const auto quotient = terms.args(t, PointwiseOp::div)) {
    const std::optional<double> by = terms.number((*quotient)[1]);
    if (!by || *by == 0) return false;
    s.scale = 1 / *by;
    s.product = terms.producer((*quotient)[0], kMatMul);
    return s.product && is_plain(*s.product);
  }
  const auto scaled = terms.args(t, PointwiseOp::mul);
  for (const std::size_t k : {0U, 1U}) {
    const std::optional<double> by = scaled ? terms.number((*scaled)[k]) : std::nullopt;
    if (!by) continue;
    s.scale = *by;
    s.product = terms.producer((*scaled)[1 - k], kMatMul);
    return s.product && is_plain(*s.product);
  }
  return false;
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
  return std::nullopt;
}

bool is_batch_of_heads(const Type& t) {
  return t.ranked() && t.rank() == 4 && t.dtype == DType::f32;
}

// Whether two values have the same batch and heads.
bool same_heads(const Type& a, const Type& b) {
  return a.dim(0) == b.dim(0) && a.dim(1) == b.dim(1);
}

// Keys transposed by a Copy that ends in a permutation, which the other one undoes in part.
bool ends_in_permute(const Rewriter& r, ValueId v) {
  const Node* copy = r.producer(v, kCopy);
  if (!copy) return false;
  const StepList& steps = attributes_of<CopyAttributes>(*copy).steps;
  return !steps.empty() && std::holds_alternative<PermuteStep>(steps.back());
}

}  // namespace

Result<bool> recover_attention_at(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kMatMul || !is_plain(node)) return false;
  const ValueId weights = r.at(node.operands[0]), v = r.at(node.operands[1]);
  const Node* softmax = r.producer(weights, kSoftmax);
  if (!softmax || r.reads(weights) != 1) return false;
  const auto& a = attributes_of<SoftmaxAttributes>(*softmax);
  const Type scores_type = r.graph().value(weights).type;
  const Type& v_type = r.graph().value(v).type;
  if (!is_batch_of_heads(scores_type) || !is_batch_of_heads(v_type) || a.axis != 3 || a.log)
    return false;
  const ValueId scores = softmax->operands[0];
  const Terms terms(r.graph());
  const auto s = read_scores(terms, {.value = scores, .node = nullptr, .ref = {}}, scores_type);
  if (!s || r.reads(scores) != 1) return false;
  const ValueId q = s->product->operands[0], keys = s->product->operands[1];
  const Type& q_type = r.graph().value(q).type;
  const Type& k_type = r.graph().value(keys).type;
  const bool fitting = is_batch_of_heads(q_type) && is_batch_of_heads(k_type) &&
                       same_heads(q_type, k_type) && same_heads(q_type, v_type) &&
                       ends_in_permute(r, keys);
  if (!fitting) return false;
  AttentionAttributes attributes;
  attributes.scale = static_cast<float>(s->scale);
  attributes.empty_row = EmptyRow::nan;
  const ValueId mask = s->mask;
  ASSIGN(const ValueId k, r.b().transpose(keys, {0, 1, 3, 2}));
  std::vector<ValueId> operands = {q, k, v};
  if (mask != kNoValue) operands.push_back(mask);
  ASSIGN(const ValueId y, r.b().one(kAttention, attributes, std::move(operands)));
  TRY(r.replace(node.results[0], y));
  return true;
}

}  // namespace gossamer
