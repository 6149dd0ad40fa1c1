// Brings back layer and root-mean-square normalization that exporters spell out in parts:
// (x - mean) / sqrt(mean of squares + epsilon), and the scale and bias after it.
#include <algorithm>

#include "passes/passes.h"
#include "passes/rewriter.h"
#include "passes/terms.h"
#include "reference/normalize.h"
#include "reference/reduce.h"

namespace gossamer {
namespace {

struct Normalization {
  ValueId x = kNoValue;
  NormalizeAttributes attributes;
};

// The axes over which a term is the mean of another one, which goes to `of`.
std::optional<std::vector<int>> mean_of(const Terms& terms, const Term& t, Term& of) {
  const Node* reduce = terms.producer(t, kReduce);
  if (!reduce) return std::nullopt;
  const auto& a = attributes_of<ReduceAttributes>(*reduce);
  if (a.op != ReduceOp::mean || !a.keep || a.axes.empty()) return std::nullopt;
  of = {.value = reduce->operands[0], .node = nullptr, .ref = {}};
  return a.axes;
}

// The last axes of x, none left out.
bool are_last(const std::vector<int>& axes, int rank) {
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != rank - static_cast<int>(axes.size() - i)) return false;
  return true;
}

// `d` over the root of `variance`, a mean plus epsilon.
std::optional<Normalization> normalization(const Terms& terms, const Term& d,
                                           const Term& variance) {
  const auto sum = terms.args(variance, PointwiseOp::add);
  if (!sum) return std::nullopt;
  for (const auto& [mean, epsilon] :
       {std::pair((*sum)[0], (*sum)[1]), std::pair((*sum)[1], (*sum)[0])}) {
    const std::optional<double> e = terms.number(epsilon);
    Term squares;
    const auto axes = e && *e >= 0 ? mean_of(terms, mean, squares) : std::nullopt;
    const auto base = axes ? terms.squared(squares) : std::nullopt;
    if (!base) continue;
    Normalization out;
    out.attributes.axes = *axes;
    out.attributes.epsilon = static_cast<float>(*e);
    const auto difference = terms.args(d, PointwiseOp::sub);
    Term centered;
    const bool same =
        *base == d || (difference && terms.args(*base, PointwiseOp::sub) == difference);
    if (!same) continue;
    if (difference && mean_of(terms, (*difference)[1], centered) == axes &&
        centered == (*difference)[0] && centered.is_value()) {
      out.x = centered.value;
    } else if (d.is_value()) {
      out.x = d.value;
      out.attributes.center = false;
    } else {
      continue;
    }
    return out;
  }
  return std::nullopt;
}

std::optional<Normalization> as_normalization(const Terms& terms, const Term& t) {
  if (const auto quotient = terms.args(t, PointwiseOp::div))
    if (const auto root = terms.args((*quotient)[1], PointwiseOp::sqrt))
      return normalization(terms, (*quotient)[0], (*root)[0]);
  const auto product = terms.args(t, PointwiseOp::mul);
  if (!product) return std::nullopt;
  for (const std::size_t k : {0U, 1U}) {
    const Term& d = (*product)[k];
    const Term& inverse = (*product)[1 - k];
    std::optional<std::vector<Term>> inner = terms.args(inverse, PointwiseOp::rsqrt);
    if (!inner) {
      std::optional<std::vector<Term>> below = terms.args(inverse, PointwiseOp::recip);
      if (const auto one = terms.args(inverse, PointwiseOp::div);
          !below && one && terms.is_near((*one)[0], 1))
        below = std::vector<Term>{(*one)[1]};
      if (below) inner = terms.args((*below)[0], PointwiseOp::sqrt);
    }
    if (!inner) continue;
    if (const auto found = normalization(terms, d, (*inner)[0])) return found;
  }
  return std::nullopt;
}

// Whether a value can be the scale or bias of rows that span `axes` of x.
bool spans_row(const Rewriter& r, ValueId v, const Type& x, const std::vector<int>& axes) {
  const Type& t = r.graph().value(v).type;
  if (!t.ranked() || t.dtype != x.dtype || t.rank() != static_cast<int>(axes.size())) return false;
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (!(t.dim(static_cast<int>(i)) == x.dim(axes[i]))) return false;
  return true;
}

// A product with, or a sum onto, a Normalize that does not have that yet.
Result<bool> take_in(Rewriter& r, const Terms& terms, ValueId old_root, const Term& root,
                     PointwiseOp op) {
  const auto args = terms.args(root, op);
  if (!args) return false;
  for (const std::size_t k : {0U, 1U}) {
    const Node* n = terms.producer((*args)[k], kNormalize);
    const Term& other = (*args)[1 - k];
    if (!n || n->results.size() != 1 || !other.is_value() || r.reads((*args)[k].value) != 1)
      continue;
    const std::size_t place = op == PointwiseOp::mul ? 1 : 2;
    const auto& a = attributes_of<NormalizeAttributes>(*n);
    const Type& x = r.graph().value(n->operands[0]).type;
    if (n->operands.size() > place || a.axes.empty() || !spans_row(r, other.value, x, a.axes))
      continue;
    // Without a scale, a bias would have to be added by itself.
    if (place == 2 && n->operands.size() < 2) continue;
    std::vector<ValueId> operands = n->operands;
    operands.push_back(other.value);
    const AttributePtr attributes = n->attributes;
    ASSIGN(const std::vector<ValueId> y, r.b().add(kNormalize, attributes, std::move(operands)));
    TRY(r.replace(old_root, y[0]));
    return true;
  }
  return false;
}

Result<bool> recover(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kPointwise || node.results.size() != 1) return false;
  // The node joins the graph, so that terms reach into it; once replaced, nothing reads it.
  TRY(r.keep(id));
  const ValueId v = r.at(node.results[0]);
  const Type type = r.graph().value(v).type;
  if (!type.ranked() || type.dtype != DType::f32) return true;
  const Term root{.value = v, .node = nullptr, .ref = {}};
  const Terms terms(r.graph());
  if (const auto found = as_normalization(terms, root)) {
    const Type& x = r.graph().value(found->x).type;
    if (!(x == type) || !are_last(found->attributes.axes, x.rank())) return true;
    ASSIGN(const ValueId y, r.b().one(kNormalize, found->attributes, {found->x}));
    TRY(r.replace(node.results[0], y));
    return true;
  }
  ASSIGN(const bool scaled, take_in(r, terms, node.results[0], root, PointwiseOp::mul));
  if (scaled) return true;
  TRY(take_in(r, terms, node.results[0], root, PointwiseOp::add).status());
  return true;
}

}  // namespace

Result<Rewritten> recover_normalization(const Graph& graph) { return rewrite(graph, recover); }

}  // namespace gossamer
