// Lowering loop bodies until the types of what they carry hold for every iteration.
#include "onnx/loops.h"

#include <algorithm>
#include <set>

namespace gossamer::onnx {
namespace {

constexpr int kMaxRounds = 6;
constexpr int kExactRounds = 3;  // after which every extent of a carried value is opened

// Types of carried values, opened where an iteration changes them.
class CarriedTypes {
 public:
  CarriedTypes(Builder& b, std::vector<gossamer::Type> types) : b_(b), types_(std::move(types)) {}

  const std::vector<gossamer::Type>& types() const { return types_; }

  // Makes type k cover what an iteration gives; says whether it had to change.
  Result<bool> cover(std::size_t k, const gossamer::Type& given) { return cover(types_[k], given); }

  void open_all() {
    for (gossamer::Type& t : types_) open(t);
  }

 private:
  using Type = gossamer::Type;

  Dim open_dim() {
    Dim d = b_.symbols()->next();
    open_.insert(d.to_string());
    return d;
  }

  void open(Type& t) {
    if (t.element) {
      Type element = *t.element;
      open(element);
      t.element = std::make_shared<const Type>(std::move(element));
    }
    if (!t.shape) return;
    for (Dim& d : *t.shape)
      if (!open_.contains(d.to_string())) d = open_dim();
  }

  Result<bool> cover(Type& t, const Type& given) {
    if (t.kind != given.kind || (t.is_tensor() && t.dtype != given.dtype))
      return malformed("a carried value is " + t.to_string() + " before an iteration and " +
                       given.to_string() + " after it");
    if (!t.is_tensor()) {
      if (!t.element || !given.element) return false;
      Type element = *t.element;
      ASSIGN(const bool changed, cover(element, *given.element));
      if (changed) t.element = std::make_shared<const Type>(std::move(element));
      return changed;
    }
    if (!t.shape) return false;
    if (!given.shape || given.shape->size() != t.shape->size()) {
      t.shape.reset();
      return true;
    }
    bool changed = false;
    for (std::size_t d = 0; d < t.shape->size(); ++d) {
      Dim& dim = (*t.shape)[d];
      if (dim == (*given.shape)[d] || open_.contains(dim.to_string())) continue;
      dim = open_dim();
      changed = true;
    }
    return changed;
  }

  Builder& b_;
  std::vector<Type> types_;
  std::set<std::string> open_;  // symbols that stand for any extent
};

struct LoopBody {
  std::shared_ptr<const gossamer::Graph> graph;
  std::vector<ValueId> captured;
  std::vector<bool> wrapped;  // carried values that the body gives bare, but takes as optionals
};

// The body with the result that it carries at position k made an optional.
Graph with_optional(Graph body, std::size_t output) {
  Node node;
  node.op_type = "Optional";
  node.inputs = {body.outputs[output].name};
  node.outputs = {"__optional." + body.outputs[output].name};
  body.outputs[output].name = node.outputs[0];
  body.outputs[output].type = Type{};
  body.nodes.push_back(std::move(node));
  return body;
}

gossamer::Type one_element(DType dtype, int rank) {
  return gossamer::Type::tensor(dtype, rank == 0 ? DimVector{} : DimVector{Dim(1)});
}

Result<LoopBody> lower_loop_body(Lowering& l, Graph body, const LoopAttributes& a,
                                 std::vector<gossamer::Type> initial,
                                 const std::vector<gossamer::Type>& slices) {
  const std::size_t own = a.conditional ? 1 : 0;
  if (body.outputs.size() < own + initial.size()) return l.wrong("the body gives too few outputs");
  LoopBody out;
  out.wrapped.assign(initial.size(), false);
  CarriedTypes carried(l.b(), std::move(initial));
  for (int round = 0; round < kMaxRounds; ++round) {
    std::vector<gossamer::Type> inputs;
    if (a.conditional) {
      inputs.push_back(one_element(DType::i64, a.iteration_rank));
      inputs.push_back(one_element(DType::boolean, a.condition_rank));
    }
    inputs.insert(inputs.end(), carried.types().begin(), carried.types().end());
    inputs.insert(inputs.end(), slices.begin(), slices.end());
    out.captured.clear();
    ASSIGN(auto bodies, l.lower_bodies({&body}, {inputs}, out.captured));
    out.graph = bodies[0];
    bool changed = false;
    for (std::size_t k = 0; k < carried.types().size(); ++k) {
      const gossamer::Type& given = out.graph->value(out.graph->outputs[own + k]).type;
      if (carried.types()[k].kind == gossamer::Type::Kind::optional &&
          given.kind != gossamer::Type::Kind::optional) {
        body = with_optional(std::move(body), own + k);
        out.wrapped[k] = changed = true;
        continue;
      }
      ASSIGN(const bool opened, carried.cover(k, given));
      changed = changed || opened;
    }
    if (!changed) return out;
    if (round + 1 == kExactRounds) carried.open_all();
  }
  return l.refuse("the types of what the loop carries change from iteration to iteration");
}

Result<gossamer::Type> slice_type(Lowering& l, ValueId v, int axis) {
  gossamer::Type t = l.b().type(v);
  if (!t.is_tensor()) return l.wrong("what is scanned must be a tensor");
  if (!t.shape) return t;
  if (axis >= t.rank()) return l.wrong("the axis to scan is out of range");
  t.shape->erase(t.shape->begin() + axis);
  return t;
}

// Describes the stacked results: axes made not negative, dtypes, known extents.
Status describe_stacked(Lowering& l, const gossamer::Graph& body, std::size_t first,
                        const std::vector<std::int64_t>& axes, LoopAttributes& a) {
  for (std::size_t i = first; i < body.outputs.size(); ++i) {
    const gossamer::Type& t = body.value(body.outputs[i]).type;
    if (!t.is_tensor()) return l.wrong("only tensors can be stacked");
    std::int64_t axis = axes.empty() ? 0 : axes[i - first];
    if (t.shape) {
      ASSIGN(axis, l.axis(axis, t.rank() + 1));
    } else if (axis < 0 || axis > kMaxRank) {
      return l.refuse("the rank of what is stacked on axis " + std::to_string(axis) +
                      " is not known");
    }
    a.stacked_axes.push_back(static_cast<int>(axis));
    a.stacked_dtypes.push_back(t.dtype);
    std::vector<std::int64_t> extents;
    if (t.shape)
      for (const Dim& d : *t.shape) extents.push_back(d.constant().value_or(-1));
    a.stacked_extents.push_back(std::move(extents));
  }
  a.stacked_reversed.resize(a.stacked_axes.size(), false);
  return {};
}

std::vector<gossamer::Type> types_of(Builder& b, const std::vector<ValueId>& values) {
  std::vector<gossamer::Type> out;
  for (ValueId v : values) out.push_back(b.type(v));
  return out;
}

}  // namespace

Result<std::vector<ValueId>> add_loop(Lowering& l, const Graph& body, LoopPlan plan) {
  LoopAttributes& a = plan.attributes;
  a.carried = static_cast<int>(plan.carried.size());
  std::vector<gossamer::Type> slices;
  for (std::size_t k = 0; k < plan.scanned.size(); ++k) {
    ASSIGN(gossamer::Type t, slice_type(l, plan.scanned[k], a.axes[k]));
    slices.push_back(std::move(t));
  }
  ASSIGN(LoopBody lowered, lower_loop_body(l, body, a, types_of(l.b(), plan.carried), slices));
  const std::size_t first = (a.conditional ? 1 : 0) + plan.carried.size();
  TRY(describe_stacked(l, *lowered.graph, first, plan.stacked_axes, a));
  std::vector<ValueId> operands{plan.trips, plan.condition};
  for (const auto* part : {&plan.carried, &plan.scanned, &lowered.captured})
    operands.insert(operands.end(), part->begin(), part->end());
  const std::size_t count = plan.carried.size() + a.stacked();
  if (count == 0) return l.wrong("the loop gives nothing");
  ASSIGN(std::vector<ValueId> results, l.b().add(kLoop, make_attributes(std::move(a)),
                                                 std::move(operands), count, {lowered.graph}));
  for (std::size_t k = 0; k < plan.carried.size(); ++k) {
    if (!lowered.wrapped[k]) continue;
    ASSIGN(results[k], l.b().one(kOptionalGet, NoAttributes{}, {results[k]}));
  }
  return results;
}

namespace {

// What one batch does: the inner loop, its stacked results padded to the full length.
struct BatchBody {
  std::shared_ptr<gossamer::Graph> graph = std::make_shared<gossamer::Graph>();
  std::vector<ValueId> carried, scanned, captured;  // inputs
  ValueId length = kNoValue;
};

Result<ValueId> pad_to(Builder& b, ValueId y, ValueId like) {
  ASSIGN(ValueId whole, b.dim_of(like, 0));
  ASSIGN(ValueId have, b.dim_of(y, 0));
  ASSIGN(ValueId missing, b.binary(PointwiseOp::sub, whole, have));
  PadStep pad;
  pad.after = Extent::from_operand(1, 0);
  return b.copy(y, {pad}, {missing});
}

Status fill(BatchBody& batch, Builder& b, LoopAttributes inner,
            const std::shared_ptr<const gossamer::Graph>& body) {
  std::vector<ValueId> operands{batch.length, kNoValue};
  for (const auto* part : {&batch.carried, &batch.scanned, &batch.captured})
    operands.insert(operands.end(), part->begin(), part->end());
  const std::size_t count = batch.carried.size() + inner.stacked();
  ASSIGN(std::vector<ValueId> results,
         b.add(kLoop, make_attributes(std::move(inner)), std::move(operands), count, {body}));
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (k >= batch.carried.size() && batch.length != kNoValue) {
      ASSIGN(results[k], pad_to(b, results[k], batch.scanned[0]));
    }
    batch.graph->outputs.push_back(results[k]);
  }
  return {};
}

}  // namespace

Result<std::vector<ValueId>> add_batched_scan(Lowering& l, const Graph& body, BatchedScan scan) {
  std::vector<gossamer::Type> initial, rows, slices;
  for (ValueId v : scan.carried) {
    ASSIGN(gossamer::Type t, slice_type(l, v, 0));
    initial.push_back(std::move(t));
  }
  for (ValueId v : scan.scanned) {
    ASSIGN(gossamer::Type row, slice_type(l, v, 0));
    rows.push_back(row);
    row.shape->erase(row.shape->begin());
    slices.push_back(std::move(row));
  }
  LoopAttributes inner;
  inner.carried = static_cast<int>(scan.carried.size());
  inner.axes.assign(scan.scanned.size(), 0);
  inner.reversed = scan.reversed;
  ASSIGN(LoopBody lowered, lower_loop_body(l, body, inner, initial, slices));
  TRY(describe_stacked(l, *lowered.graph, scan.carried.size(), {}, inner));

  BatchBody batch;
  Builder b(*batch.graph, l.b().symbols());
  for (const auto& t : initial) batch.carried.push_back(b.input("state", t));
  for (const auto& t : rows) batch.scanned.push_back(b.input("row", t));
  if (scan.lengths != kNoValue)
    batch.length = b.input("length", gossamer::Type::tensor(DType::i64, DimVector{}));
  for (ValueId v : lowered.captured)
    batch.captured.push_back(b.input(l.b().graph().value(v).name, l.b().type(v)));
  TRY(fill(batch, b, std::move(inner), lowered.graph));

  LoopAttributes outer;
  std::vector<ValueId> operands{kNoValue, kNoValue};
  for (const auto* part : {&scan.carried, &scan.scanned})
    operands.insert(operands.end(), part->begin(), part->end());
  if (scan.lengths != kNoValue) operands.push_back(scan.lengths);
  outer.axes.assign(operands.size() - 2, 0);
  outer.reversed.assign(operands.size() - 2, false);
  operands.insert(operands.end(), lowered.captured.begin(), lowered.captured.end());
  TRY(describe_stacked(l, *batch.graph, 0, {}, outer));
  const std::size_t count = batch.graph->outputs.size();
  if (count == 0) return l.wrong("the scan gives nothing");
  return l.b().add(kLoop, make_attributes(std::move(outer)), std::move(operands), count,
                   {batch.graph});
}

}  // namespace gossamer::onnx
