// Gather, Scatter, ArgReduce, TopK and Cumulate: what works with positions along an axis.
#include <algorithm>

#include "compile/emit.h"
#include "kernels/arg_reduce/arg_reduce.h"
#include "kernels/cumulate/cumulate.h"
#include "kernels/gather/gather.h"
#include "kernels/numbers.h"
#include "kernels/scatter/scatter.h"
#include "kernels/top_k/top_k.h"
#include "reference/arg_reduce.h"
#include "reference/cumulate.h"
#include "reference/gather.h"
#include "reference/scatter.h"
#include "reference/top_k.h"

namespace gossamer::compile {
namespace {

DType dtype_of_value(const Emitter& e, ValueId v) { return e.graph().value(v).type.dtype; }

std::vector<int> row_major_of(Emitter& e, ValueId v) {
  return row_major(static_cast<int>(e.extents(v).size()));
}

// The result of an operation that may work in place: over its first operand where nobody else needs
// that.
Place over_first(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const Place from = e.place(node.operands[0]);
  const ValueId y = node.results[0];
  if (!e.has_memory_elsewhere(y) && e.may_take_over(from, std::span(&id, 1)))
    return e.alias(y, from);
  return e.make(y, order_of(from));
}

}  // namespace

Result<bool> emit_Gather(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<GatherAttributes>(node);
  if (!e.all_fit(id)) return false;
  kernels::GatherStep step{static_cast<kernels::GatherMode>(a.mode), a.axis, a.batch};
  const Place x = e.place(node.operands[0]), indices = e.place(node.operands[1]);
  const Place to = e.make(node.results[0], row_major_of(e, node.results[0]));
  e.step("kernel.gather", std::move(step), {x, indices}, {to}, id);
  return true;
}

Result<bool> emit_Scatter(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ScatterAttributes>(node);
  const DType dtype = dtype_of_value(e, node.operands[0]);
  if (!e.all_fit(id) ||
      (a.combine != ScatterCombine::none && dtype != DType::boolean && !kernels::has_loops(dtype)))
    return false;
  kernels::ScatterStep step{static_cast<kernels::ScatterMode>(a.mode), a.axis,
                            static_cast<kernels::ScatterCombine>(a.combine)};
  const Place data = e.place(node.operands[0]), indices = e.place(node.operands[1]),
              updates = e.place(node.operands[2]);
  e.step("kernel.scatter", std::move(step), {data, indices, updates}, {over_first(e, id)}, id);
  return true;
}

Result<bool> emit_ArgReduce(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ArgReduceAttributes>(node);
  if (!e.all_fit(id) || !kernels::has_loops(dtype_of_value(e, node.operands[0]))) return false;
  kernels::ArgReduceStep step{static_cast<kernels::ArgReduceOp>(a.op), a.axis, a.last};
  const Place from = e.place(node.operands[0]);
  const Place to =
      e.make(node.results[0], a.keep ? order_of(from) : row_major_of(e, node.results[0]));
  e.step("kernel.arg_reduce", std::move(step), {from}, {to}, id);
  return true;
}

// How many are wanted is in the extents of the results.
Result<bool> emit_TopK(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<TopKAttributes>(node);
  if (!e.all_fit(id) || !kernels::has_loops(dtype_of_value(e, node.operands[0]))) return false;
  std::vector<Place> outputs(2);
  for (std::size_t i = 0; i < node.results.size(); ++i)
    if (const ValueId y = node.results[i]; y != kNoValue)
      outputs[i] = e.make(y, row_major_of(e, y));
  e.step("kernel.top_k", kernels::TopKStep{a.axis, a.largest}, {e.place(node.operands[0])}, outputs,
         id);
  return true;
}

Result<bool> emit_Cumulate(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<CumulateAttributes>(node);
  if (!e.all_fit(id) || !kernels::has_loops(dtype_of_value(e, node.operands[0]))) return false;
  kernels::CumulateStep step{static_cast<kernels::CumulateOp>(a.op), a.axis, a.exclusive,
                             a.reverse};
  const Place from = e.place(node.operands[0]);
  e.step("kernel.cumulate", std::move(step), {from}, {over_first(e, id)}, id);
  return true;
}

}  // namespace gossamer::compile
