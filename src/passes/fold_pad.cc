// Lets Conv and Pool do the padding that a Copy does before them: zeros for Conv, sums and means
// that count them; minus infinity for maxima.
#include <algorithm>
#include <cmath>

#include "passes/copy_steps.h"
#include "passes/expression.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "reference/conv.h"
#include "reference/pool.h"

namespace gossamer {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// What a Copy of nothing but constant padding adds, by axis.
struct Padding {
  ValueId x = kNoValue;
  ValueId value = kNoValue;  // kNoValue: zero
  std::vector<std::int64_t> before, after;
};

std::optional<Padding> as_padding(const Rewriter& r, const Node* node, int rank) {
  if (!node) return std::nullopt;
  CopyChain chain = chain_of(*node);
  normalize(r.graph(), chain);
  Padding out{chain.operands[0], kNoValue, std::vector<std::int64_t>(at(rank), 0), {}};
  out.after = out.before;
  for (const Step& step : chain.steps) {
    const auto* pad = std::get_if<PadStep>(&step);
    const bool plain = pad && pad->mode == PadMode::constant && pad->interior == 0 &&
                       pad->before.is_literal() && pad->after.is_literal() &&
                       pad->before.value >= 0 && pad->after.value >= 0 && pad->axis < rank;
    if (!plain) return std::nullopt;
    const ValueId value =
        pad->value_operand < 0 ? kNoValue : chain.operands[at(pad->value_operand)];
    if (&step != &chain.steps[0] && value != out.value) return std::nullopt;
    out.value = value;
    out.before[at(pad->axis)] += pad->before.value;
    out.after[at(pad->axis)] += pad->after.value;
  }
  return out;
}

// Adds the padding to `pads`, which lists befores and afters of `axes`; false when other axes are
// padded as well.
bool add_pads(const Padding& p, const std::vector<int>& axes, std::vector<std::int64_t>& pads) {
  if (pads.empty()) pads.assign(axes.size() * 2, 0);
  if (pads.size() != axes.size() * 2) return false;
  for (std::size_t d = 0; d < p.before.size(); ++d) {
    const auto place = std::find(axes.begin(), axes.end(), static_cast<int>(d));
    if (place == axes.end()) {
      if (p.before[d] != 0 || p.after[d] != 0) return false;
      continue;
    }
    const auto k = static_cast<std::size_t>(place - axes.begin());
    pads[k] += p.before[d];
    pads[axes.size() + k] += p.after[d];
  }
  return true;
}

Result<bool> into_conv(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  ConvAttributes a = attributes_of<ConvAttributes>(node);
  std::vector<ValueId> operands = r.operands(id);
  const Type& x = r.graph().value(operands[0]).type;
  const bool zeroed = operands.size() > 2 && operands[2] != kNoValue;
  if (a.auto_pad != AutoPad::none || zeroed || !x.ranked()) return false;
  const auto p = as_padding(r, r.producer(operands[0], kCopy), x.rank());
  std::vector<int> axes;
  for (int d = 2; d < x.rank(); ++d) axes.push_back(d);
  if (!p || p->value != kNoValue || !add_pads(*p, axes, a.pads)) return false;
  operands[0] = p->x;
  ASSIGN(std::vector<ValueId> y, r.b().add(kConv, make_attributes(a), operands));
  TRY(r.replace(node.results[0], y[0]));
  return true;
}

bool is_lowest(const Rewriter& r, ValueId v) {
  if (v == kNoValue || !r.graph().value(v).constant) return false;
  const std::optional<Scalar> s = as_scalar(*r.graph().value(v).constant);
  return s && is_arithmetic_float(s->dtype) && std::isinf(to_double(*s)) && to_double(*s) < 0;
}

// Wide padding would leave windows that hold nothing else, which other engines refuse.
bool within_kernel(const PoolAttributes& a) {
  for (std::size_t i = 0; i < a.pads.size(); ++i)
    if (a.pads[i] >= a.kernel[i % a.kernel.size()]) return false;
  return true;
}

Result<bool> into_pool(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  PoolAttributes a = attributes_of<PoolAttributes>(node);
  const ValueId padded = r.at(node.operands[0]);
  const Type& x = r.graph().value(padded).type;
  const bool indexed = node.results.size() > 1 && node.results[1] != kNoValue;
  if (a.auto_pad != AutoPad::none || a.ceil || indexed || !x.ranked()) return false;
  const auto p = as_padding(r, r.producer(padded, kCopy), x.rank());
  if (!p) return false;
  if (a.op == PoolOp::max ? !is_lowest(r, p->value) : p->value != kNoValue) return false;
  const bool own_pads = std::any_of(a.pads.begin(), a.pads.end(), [](auto n) { return n != 0; });
  // The padding before counted; so must all of it.
  if (a.op == PoolOp::mean && own_pads && !a.count_pad) return false;
  a.count_pad = a.op == PoolOp::mean;
  if (!add_pads(*p, a.axes, a.pads) || !within_kernel(a)) return false;
  ASSIGN(std::vector<ValueId> y, r.b().add(kPool, make_attributes(a), {p->x}, node.results.size()));
  TRY(r.replace(node.results[0], y[0]));
  return true;
}

Result<bool> rule(Rewriter& r, NodeId id) {
  if (r.node(id).primitive == &kConv) return into_conv(r, id);
  if (r.node(id).primitive == &kPool) return into_pool(r, id);
  return false;
}

}  // namespace

Result<Rewritten> fold_pad(const Graph& graph) { return rewrite(graph, rule); }

}  // namespace gossamer
