// Pointwise: alone, or as the epilogue of the product before it.
#include <algorithm>

#include "compile/emit.h"
#include "compile/translate.h"
#include "kernels/pointwise/pointwise.h"
#include "reference/pointwise.h"

namespace gossamer::compile {
namespace {

// How the result should lie: as the operand of its own extents that is most of the work.
std::vector<int> order_for(Emitter& e, const Node& node, const DimVector& extents) {
  for (const ValueId v : node.operands)
    if (v != kNoValue && !e.constant_of(v) && e.extents(v) == extents) return order_of(e.place(v));
  for (const ValueId v : node.operands)
    if (v != kNoValue && !e.constant_of(v) && e.extents(v).size() == extents.size())
      return order_of(e.place(v));
  return row_major(static_cast<int>(extents.size()));
}

// Weights of two or four bits, which lie packed.
bool is_packed(Emitter& e, ValueId v) {
  const Tensor* t = v == kNoValue ? nullptr : e.constant_of(v);
  return t && t->packed() && t->rank() <= kernels::kMaxAxes;
}

bool all_fit(Emitter& e, const Node& node) {
  const auto fits = [&](ValueId v) { return v == kNoValue || e.fits_kernels(v); };
  const auto readable = [&](ValueId v) { return fits(v) || is_packed(e, v); };
  return std::all_of(node.operands.begin(), node.operands.end(), readable) &&
         std::all_of(node.results.begin(), node.results.end(), fits);
}

// An operand as it repeats to the extents of the results, or, where that is known only when it
// runs, with axes before its own alone.
Place repeated(const Place& own, const DimVector& extents) {
  if (const std::optional<Place> place = Emitter::broadcast(own, extents)) return *place;
  Place p = own;
  p.extents.insert(p.extents.begin(), extents.size() - own.extents.size(), Dim(1));
  p.strides.insert(p.strides.begin(), extents.size() - own.extents.size(), Dim(0));
  return p;
}

// Where an operand lies: packed weights in a copy with a byte each.
Result<Place> operand(Emitter& e, ValueId v) {
  if (!is_packed(e, v)) return e.place(v);
  ASSIGN(Tensor unpacked, e.constant_of(v)->unpack());
  return e.constant(std::move(unpacked));
}

Result<bool> pointwise(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<PointwiseAttributes>(node);
  if (a.has_extent || !all_fit(e, node)) return false;
  std::vector<Ref> refs;
  refs.reserve(node.operands.size());
  for (std::size_t i = 0; i < node.operands.size(); ++i)
    refs.push_back({Ref::Kind::input, static_cast<std::int16_t>(i)});
  kernels::PointwiseStep step;
  // Only results that somebody reads.
  PointwiseProgram wanted = a.program;
  wanted.results.clear();
  std::vector<ValueId> results;
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    if (node.results[i] == kNoValue) continue;
    wanted.results.push_back(a.program.results[i]);
    results.push_back(node.results[i]);
  }
  std::optional<kernels::VectorProgram> program = translate(wanted, refs);
  if (!program) return false;
  step.program = std::move(*program);
  const DimVector& extents = e.extents(results[0]);
  std::vector<Place> inputs, outputs;
  for (const ValueId v : node.operands) {
    ASSIGN(const Place own, operand(e, v));
    inputs.push_back(repeated(own, extents));
  }
  // An output is row-major: better so at once than moved afterwards.
  const bool output = results.size() == 1 && e.is_output(results[0]);
  const std::vector<int> order =
      output ? row_major(static_cast<int>(extents.size())) : order_for(e, node, extents);
  const DimVector strides = strides_in_order(extents, order);
  std::vector<bool> taken(inputs.size(), false);
  for (const ValueId y : results) {
    const DType dtype = e.graph().value(y).type.dtype;
    std::optional<Place> over;
    for (std::size_t i = 0; i < inputs.size() && !over && !e.has_memory_elsewhere(y); ++i) {
      if (is_packed(e, node.operands[i])) continue;
      const Place own = e.place(node.operands[i]);
      if (taken[i] || own.dtype != dtype || !(own.extents == extents) ||
          !(own.strides == strides) || !e.may_take_over(own, std::span(&id, 1)))
        continue;
      over = own;
      taken[i] = true;
    }
    outputs.push_back(over ? e.alias(y, *over) : e.make(y, order));
  }
  e.step("kernel.pointwise", std::move(step), inputs, outputs, id);
  return true;
}

}  // namespace

Result<bool> emit_Pointwise(Emitter& e, NodeId id) {
  const NodeId product = e.product_of(id);
  if (product == kNoNode) return pointwise(e, id);
  ASSIGN(const bool together, emit_product(e, product));
  if (!together) {
    e.separate(product);
    ASSIGN(const bool alone, emit_product(e, product));
    if (!alone) TRY(e.reference_step(product));
    e.finish_node(product);
    return pointwise(e, id);
  }
  e.finish_node(product);
  return true;
}

}  // namespace gossamer::compile
