// Operators that pick or place elements by index: gathers, scatters, orders, running totals.
#include <limits>

#include "onnx/lowering.h"
#include "reference/arg_reduce.h"
#include "reference/cumulate.h"
#include "reference/det.h"
#include "reference/gather.h"
#include "reference/non_zero.h"
#include "reference/scatter.h"
#include "reference/top_k.h"
#include "reference/unique.h"

namespace gossamer::onnx {
namespace {

// The attribute `axis` within the rank of input 0.
Result<int> axis_of(Lowering& l, std::int64_t otherwise) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t at, l.int_or("axis", otherwise));
  return l.axis(at, rank);
}

Result<bool> flag(Lowering& l, std::string_view name, bool otherwise) {
  ASSIGN(std::int64_t v, l.int_or(name, otherwise ? 1 : 0));
  return v != 0;
}

// x with `axis` cut down to one place, and dropped.
Result<ValueId> pick(Lowering& l, ValueId x, int axis, std::int64_t index) {
  const Dim& n = l.b().type(x).dim(axis);
  if (n.is_constant() && (index < -*n.constant() || index >= *n.constant()))
    return l.wrong("index " + std::to_string(index) + " is out of range for an axis of " +
                   n.to_string());
  const std::int64_t end = index == -1 ? std::numeric_limits<std::int64_t>::max() : index + 1;
  StepList steps;
  if (!(n == Dim(1))) steps.push_back(SliceStep{axis, index, end, 1});
  ReshapeStep drop;
  for (int i = 0; i < l.b().rank(x); ++i)
    if (i != axis) drop.dims.push_back(ReshapeEntry::keep(i));
  steps.push_back(std::move(drop));
  return l.b().copy(x, std::move(steps));
}

}  // namespace

Status lower_gather(Lowering& l) {
  ASSIGN(int axis, axis_of(l, 0));
  if (l.type(1).ranked() && l.type(1).rank() == 0)
    if (std::optional<std::vector<std::int64_t>> index = l.known_ints(1);
        index && index->size() == 1 && index->front() < std::numeric_limits<std::int64_t>::max())
      return l.output(pick(l, l.input(0), axis, index->front()));
  GatherAttributes a;
  a.axis = axis;
  return l.output(l.b().one(kGather, a, {l.input(0), l.input(1)}));
}

Status lower_gather_elements(Lowering& l) {
  GatherAttributes a;
  a.mode = GatherMode::along;
  ASSIGN(a.axis, axis_of(l, 0));
  return l.output(l.b().one(kGather, a, {l.input(0), l.input(1)}));
}

Status lower_gather_nd(Lowering& l) {
  GatherAttributes a;
  a.mode = GatherMode::nd;
  ASSIGN(std::int64_t batch, l.int_or("batch_dims", 0));
  if (batch < 0 || batch > kMaxRank) return l.wrong("attribute 'batch_dims' is out of range");
  a.batch = static_cast<int>(batch);
  return l.output(l.b().one(kGather, a, {l.input(0), l.input(1)}));
}

namespace {

Result<ScatterCombine> combine_of(Lowering& l) {
  ASSIGN(std::string name, l.string_or("reduction", "none"));
  if (name == "none") return ScatterCombine::none;
  if (name == "add") return ScatterCombine::add;
  if (name == "mul") return ScatterCombine::mul;
  if (name == "max" && l.version() >= 18) return ScatterCombine::max;
  if (name == "min" && l.version() >= 18) return ScatterCombine::min;
  return l.wrong("attribute 'reduction' is '" + name + "'");
}

}  // namespace

Status lower_scatter_elements(Lowering& l) {
  ScatterAttributes a;
  ASSIGN(a.axis, axis_of(l, 0));
  ASSIGN(a.combine, combine_of(l));
  return l.output(l.b().one(kScatter, a, {l.input(0), l.input(1), l.input(2)}));
}

Status lower_scatter_nd(Lowering& l) {
  ScatterAttributes a;
  a.mode = ScatterMode::nd;
  ASSIGN(a.combine, combine_of(l));
  return l.output(l.b().one(kScatter, a, {l.input(0), l.input(1), l.input(2)}));
}

namespace {

// The coordinates on the written axis: the place in the update past where its batch starts, around
// the end in a circular cache.
Result<ValueId> written_places(Lowering& l, int axis, bool circular, ValueId extent) {
  std::vector<ValueId> operands;
  if (l.has_input(2)) {
    ASSIGN(ValueId starts, l.b().cast(l.input(2), DType::i64));
    std::vector<ReshapeEntry> dims{ReshapeEntry::infer()};
    for (int i = 1; i <= axis; ++i) dims.push_back(ReshapeEntry::of(1));
    ASSIGN(starts, l.b().reshape(starts, std::move(dims)));
    operands.push_back(starts);
  }
  if (circular) {
    ASSIGN(ValueId length, l.b().dim_of(l.input(0), axis));
    operands.push_back(length);
  }
  const bool offset = l.has_input(2);
  return l.b().pointwise_over(extent, operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    Ref at = e.index(axis);
    if (offset) at = e.add(in[0], at);
    return circular ? e.mod(at, in.back()) : at;
  });
}

}  // namespace

Status lower_tensor_scatter(Lowering& l) {
  ASSIGN(int axis, axis_of(l, -2));
  if (axis == 0) return l.wrong("the batch cannot be the axis that is written");
  ASSIGN(std::string mode, l.string_or("mode", "linear"));
  if (mode != "linear" && mode != "circular") return l.wrong("attribute 'mode' is '" + mode + "'");
  // Indices of shape update.shape[.. axis] + [axis + 1].
  ASSIGN(ValueId extent, l.b().shape_of(l.input(1), 0, axis + 1));
  std::vector<ValueId> coordinates;
  for (int i = 0; i < axis; ++i) {
    ASSIGN(ValueId c,
           l.b().pointwise_over(
               extent, {}, [i](ExpressionBuilder& e, std::span<const Ref>) { return e.index(i); }));
    coordinates.push_back(c);
  }
  ASSIGN(ValueId places, written_places(l, axis, mode == "circular", extent));
  coordinates.push_back(places);
  for (ValueId& c : coordinates) {
    ASSIGN(c, l.b().unsqueeze(c, {axis + 1}));
  }
  ASSIGN(ValueId indices, l.b().concat(std::move(coordinates), axis + 1));
  return l.output(l.b().scatter_nd(l.input(0), indices, l.input(1)));
}

Status lower_compress(Lowering& l) {
  ValueId x = l.input(0);
  int axis = 0;
  if (l.has_attribute("axis")) {
    ASSIGN(axis, axis_of(l, 0));
  } else {
    ASSIGN(x, l.b().reshape(x, std::vector<ReshapeEntry>{ReshapeEntry::infer()}));
  }
  ASSIGN(ValueId where, l.b().one(kNonZero, NonZeroAttributes{}, {l.input(1)}));
  ASSIGN(where, l.b().reshape(where, std::vector<ReshapeEntry>{ReshapeEntry::infer()}));
  GatherAttributes a;
  a.axis = axis;
  return l.output(l.b().one(kGather, a, {x, where}));
}

Status lower_reverse_sequence(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t batch_at, l.int_or("batch_axis", 1));
  ASSIGN(std::int64_t time_at, l.int_or("time_axis", 0));
  ASSIGN(int batch, l.axis(batch_at, rank));
  ASSIGN(int time, l.axis(time_at, rank));
  if (batch == time) return l.wrong("batch_axis and time_axis are the same");
  ASSIGN(ValueId lengths, l.b().cast(l.input(1), DType::i64));
  std::vector<ReshapeEntry> dims(static_cast<std::size_t>(rank), ReshapeEntry::of(1));
  dims[static_cast<std::size_t>(batch)] = ReshapeEntry::infer();
  ASSIGN(lengths, l.b().reshape(lengths, std::move(dims)));
  ASSIGN(ValueId extent, l.b().shape_of(l.input(0)));
  const ValueId operands[] = {lengths};
  ASSIGN(ValueId indices,
         l.b().pointwise_over(extent, operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref i = e.index(time);
           const Ref last = e.sub(in[0], e.integer(DType::i64, 1));
           return e.select(e.lt(i, in[0]), e.sub(last, i), i);
         }));
  GatherAttributes a;
  a.mode = GatherMode::along;
  a.axis = time;
  return l.output(l.b().one(kGather, a, {l.input(0), indices}));
}

namespace {

// Adds a node with several results and gives those that the operator names to its outputs.
template <class S>
Status several(Lowering& l, const Primitive& primitive, S attributes, std::vector<ValueId> operands,
               std::size_t results) {
  ASSIGN(std::vector<ValueId> r,
         l.b().add(primitive, std::move(attributes), std::move(operands), results));
  for (std::size_t i = 0; i < results; ++i)
    if (l.has_output(i)) l.output(i, r[i]);
  return {};
}

}  // namespace

Status lower_top_k(Lowering& l) {
  TopKAttributes a;
  ASSIGN(a.axis, axis_of(l, -1));
  ASSIGN(a.largest, flag(l, "largest", true));
  ValueId k = kNoValue;
  if (l.version() < 10) {
    ASSIGN(std::int64_t count, l.required_int("k"));
    k = l.b().constant_ints({count});
  } else {
    if (!l.has_input(1)) return l.wrong("k is left out");
    ASSIGN(k, l.b().cast(l.input(1), DType::i64));
  }
  return several(l, kTopK, a, {l.input(0), k}, 2);
}

namespace {

Status lower_arg_reduce(Lowering& l, ArgReduceOp op) {
  ArgReduceAttributes a;
  a.op = op;
  ASSIGN(a.axis, axis_of(l, 0));
  ASSIGN(a.keep, flag(l, "keepdims", true));
  ASSIGN(a.last, flag(l, "select_last_index", false));
  return l.output(l.b().one(kArgReduce, a, {l.input(0)}));
}

Status lower_cumulate(Lowering& l, CumulateOp op) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t at, l.structure_int(1));
  CumulateAttributes a;
  a.op = op;
  ASSIGN(a.axis, l.axis(at, rank));
  ASSIGN(a.exclusive, flag(l, "exclusive", false));
  ASSIGN(a.reverse, flag(l, "reverse", false));
  return l.output(l.b().one(kCumulate, a, {l.input(0)}));
}

}  // namespace

Status lower_arg_max(Lowering& l) { return lower_arg_reduce(l, ArgReduceOp::max); }
Status lower_arg_min(Lowering& l) { return lower_arg_reduce(l, ArgReduceOp::min); }
Status lower_cum_sum(Lowering& l) { return lower_cumulate(l, CumulateOp::sum); }
Status lower_cum_prod(Lowering& l) { return lower_cumulate(l, CumulateOp::prod); }

Status lower_non_zero(Lowering& l) {
  return l.output(l.b().one(kNonZero, NonZeroAttributes{}, {l.input(0)}));
}

Status lower_unique(Lowering& l) {
  UniqueAttributes a;
  if (l.has_attribute("axis")) {
    ASSIGN(a.axis, axis_of(l, 0));
  }
  ASSIGN(a.sorted, flag(l, "sorted", true));
  return several(l, kUnique, a, {l.input(0)}, 4);
}

Status lower_det(Lowering& l) { return l.output(l.b().one(kDet, DetAttributes{}, {l.input(0)})); }

}  // namespace gossamer::onnx
