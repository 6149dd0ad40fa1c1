// Moves slices and gathers ahead of the work whose result they thin out, so that less is computed:
// past elementwise expressions, products, normalization, softmax and other movement.
#include <algorithm>

#include "passes/copy_steps.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "reference/gather.h"
#include "reference/matmul.h"
#include "reference/normalize.h"
#include "reference/softmax.h"

namespace gossamer {
namespace {

// Takes less of a value along one axis.
struct Pick {
  int axis = 0;
  Dim extent;                     // of the axis, before
  std::optional<SliceStep> step;  // else a Gather:
  ValueId indices = kNoValue;     // of rank 1
};

Result<ValueId> applied(Rewriter& r, const Pick& pick, ValueId v, int axis) {
  if (!pick.step)
    return r.b().one(kGather, GatherAttributes{GatherMode::take, axis, 0}, {v, pick.indices});
  SliceStep step = *pick.step;
  step.axis = axis;
  return r.b().copy(v, {step});
}

// The value picked along the result's axis, counted from the right; as it is where it has one
// element there, or none.
Result<ValueId> picked(Rewriter& r, const Pick& pick, ValueId v, int rank) {
  const Type& t = r.graph().value(v).type;
  const int axis = pick.axis - (rank - t.rank());
  if (axis < 0 || t.dim(axis) == Dim(1)) return v;
  return applied(r, pick, v, axis);
}

// Whether every operand has the axis whole, or as 1, or not at all.
bool aligned(const Rewriter& r, const Pick& pick, std::span<const ValueId> operands, int rank) {
  return std::all_of(operands.begin(), operands.end(), [&](ValueId v) {
    const Type& t = r.graph().value(v).type;
    if (!t.ranked() || t.rank() > rank) return false;
    const int axis = pick.axis - (rank - t.rank());
    return axis < 0 || t.dim(axis) == Dim(1) || t.dim(axis) == pick.extent;
  });
}

// A value, or kNoValue when the pick has to stay behind.
using Picked = Result<ValueId>;

Picked past_pointwise(Rewriter& r, const Pick& pick, const Node& node, int rank) {
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const auto& all = a.program.instructions;
  const bool by_place = std::any_of(all.begin(), all.end(), [](const Instruction& in) {
    return in.op == PointwiseOp::index || in.op == PointwiseOp::extent;
  });
  if (node.results.size() != 1 || a.has_extent || by_place ||
      !aligned(r, pick, node.operands, rank) || node.operands.empty())
    return kNoValue;
  std::vector<ValueId> operands = node.operands;
  for (ValueId& v : operands) {
    ASSIGN(v, picked(r, pick, v, rank));
  }
  ASSIGN(const std::vector<ValueId> y, r.b().add(kPointwise, node.attributes, operands));
  return y[0];
}

Picked past_matmul(Rewriter& r, const Pick& pick, const Node& node, int rank) {
  const auto& a = attributes_of<MatMulAttributes>(node);
  if (node.operands.size() != 2 || a.trans_a || a.trans_b) return kNoValue;
  for (ValueId v : node.operands)
    if (!r.graph().value(v).type.ranked() || r.graph().value(v).type.rank() < 2) return kNoValue;
  std::vector<ValueId> operands = node.operands;
  const bool row = pick.axis == rank - 2, column = pick.axis == rank - 1;
  for (std::size_t k = 0; k < 2; ++k) {
    if ((row && k == 1) || (column && k == 0)) continue;
    if (!aligned(r, pick, std::span(&operands[k], 1), rank)) return kNoValue;
  }
  for (std::size_t k = 0; k < 2; ++k) {
    if ((row && k == 1) || (column && k == 0)) continue;
    ASSIGN(operands[k], picked(r, pick, operands[k], rank));
  }
  ASSIGN(const std::vector<ValueId> y, r.b().add(kMatMul, node.attributes, operands));
  return y[0];
}

Picked past_normalize(Rewriter& r, const Pick& pick, const Node& node, int rank) {
  const auto& a = attributes_of<NormalizeAttributes>(node);
  const bool inside =
      a.groups > 0 || std::find(a.axes.begin(), a.axes.end(), pick.axis) != a.axes.end();
  const bool left_out =
      std::find(node.operands.begin(), node.operands.end(), kNoValue) != node.operands.end();
  if (inside || left_out || node.results.size() != 1 || !aligned(r, pick, node.operands, rank))
    return kNoValue;
  std::vector<ValueId> operands = node.operands;
  for (ValueId& v : operands) {
    ASSIGN(v, picked(r, pick, v, rank));
  }
  ASSIGN(const std::vector<ValueId> y, r.b().add(kNormalize, node.attributes, operands));
  return y[0];
}

Picked past_softmax(Rewriter& r, const Pick& pick, const Node& node) {
  if (attributes_of<SoftmaxAttributes>(node).axis == pick.axis) return kNoValue;
  const AttributePtr attributes = node.attributes;
  ASSIGN(const ValueId x, applied(r, pick, node.operands[0], pick.axis));
  ASSIGN(const std::vector<ValueId> y, r.b().add(kSoftmax, attributes, {x}));
  return y[0];
}

// The pick done before the node that makes `v`, or kNoValue when it has to come after.
Picked ahead(Rewriter& r, const Pick& pick, ValueId v) {
  const NodeId id = r.graph().value(v).producer;
  if (id == kNoNode || r.reads(v) != 1) return kNoValue;
  const Node node = r.graph().node(id);
  const int rank = r.graph().value(v).type.rank();
  if (node.primitive == &kPointwise) return past_pointwise(r, pick, node, rank);
  if (node.primitive == &kMatMul) return past_matmul(r, pick, node, rank);
  if (node.primitive == &kNormalize) return past_normalize(r, pick, node, rank);
  if (node.primitive == &kSoftmax) return past_softmax(r, pick, node);
  return kNoValue;
}

// A slice after other movement: one Copy, if the slice can come first in it.
Result<bool> into_copy(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const ValueId x = r.at(node.operands[0]);
  const Node* before = r.producer(x, kCopy);
  if (!before || r.reads(x) != 1) return false;
  CopyChain both =
      joined(chain_of(*before), {r.operands(id), attributes_of<CopyAttributes>(node).steps});
  const StepList first = chain_of(*before).steps;
  normalize(r.graph(), both);
  if (first.empty() || both.steps.empty() || both.steps[0] == first[0] ||
      !std::holds_alternative<SliceStep>(both.steps[0]))
    return false;
  const ValueId source = both.operands[0];
  ASSIGN(const ValueId y, r.b().copy(source, std::move(both.steps),
                                     {both.operands.begin() + 1, both.operands.end()}));
  TRY(r.replace(node.results[0], y));
  return true;
}

Result<bool> move_slice(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const StepList& steps = attributes_of<CopyAttributes>(node).steps;
  const auto* slice = steps.empty() ? nullptr : std::get_if<SliceStep>(&steps[0]);
  const ValueId x = r.at(node.operands[0]);
  const Type type = r.graph().value(x).type;
  if (!slice || node.operands.size() != 1 || !type.ranked()) return false;
  const Pick pick{slice->axis, type.dim(slice->axis), *slice, kNoValue};
  const std::vector<std::optional<DimVector>> shapes = shapes_along(r.graph(), {{x}, {steps[0]}});
  if (!shapes[1]) return false;
  const Dim& left = (*shapes[1])[static_cast<std::size_t>(slice->axis)];
  if (left == pick.extent || !left.is_constant()) return false;
  ASSIGN(const ValueId y, ahead(r, pick, x));
  if (y == kNoValue) return into_copy(r, id);
  ASSIGN(const ValueId rest, r.b().copy(y, StepList(steps.begin() + 1, steps.end())));
  TRY(r.replace(node.results[0], rest));
  return true;
}

Result<bool> move_gather(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const auto& a = attributes_of<GatherAttributes>(node);
  const ValueId x = r.at(node.operands[0]), indices = r.at(node.operands[1]);
  const Type& type = r.graph().value(x).type;
  const std::optional<Tensor>& known = r.graph().value(indices).constant;
  if (a.mode != GatherMode::take || !type.ranked() || !known || known->rank() > 1) return false;
  const std::optional<std::int64_t> extent = type.dim(a.axis).constant();
  // Where the extent is open, one element is less all the same.
  if (extent ? known->count() >= *extent : known->count() > 1) return false;
  const NodeId made_by = r.graph().value(x).producer;
  if (made_by == kNoNode || r.reads(x) != 1) return false;
  const bool drops = known->rank() == 0;
  Pick pick{a.axis, type.dim(a.axis), std::nullopt, indices};
  if (drops) pick.indices = r.b().constant(known->reshaped(Shape{1}));
  ASSIGN(ValueId y, ahead(r, pick, x));
  if (y == kNoValue) return false;
  if (drops) {
    ASSIGN(y, r.b().squeeze(y, {a.axis}));
  }
  TRY(r.replace(node.results[0], y));
  return true;
}

Result<bool> rule(Rewriter& r, NodeId id) {
  const Primitive* p = r.node(id).primitive;
  if (p == &kCopy) return move_slice(r, id);
  if (p == &kGather) return move_gather(r, id);
  return false;
}

}  // namespace

Result<Rewritten> move_picks_ahead(const Graph& graph) { return rewrite(graph, rule); }

}  // namespace gossamer
