// Products with weights of few bits: the nodes that make the weights are left out.
#include "compile/block_weights.h"
#include "compile/emit.h"

namespace gossamer::compile {
namespace {

// The nodes that were left out, after all.
Status emit_weights(Emitter& e, const std::vector<NodeId>& nodes) {
  for (const NodeId id : nodes) {
    ASSIGN(const bool done,
           e.node(id).primitive == &kCopy ? emit_Copy(e, id) : emit_Pointwise(e, id));
    if (!done) TRY(e.reference_step(id));
    e.finish_node(id);
  }
  return {};
}

}  // namespace

Result<bool> emit_block_product(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const ValueId x = node.operands[0], y = node.results[0];
  std::optional<BlockProductAt> found;
  if (e.fits_kernels(x) && e.fits_kernels(y))
    found = block_product_at(e.graph(), id, e.graph().use_counts(), true);
  if (!found) {
    TRY(emit_weights(e, e.left_out_for(id)));
    return false;
  }
  Place from = e.place(x);
  const std::size_t last = from.extents.size() - 1;
  if (!(from.strides[last] == Dim(1))) from = e.dense(from);
  const Place weights = e.constant(std::move(found->weights));
  const Place to = e.make(y, row_major(static_cast<int>(e.extents(y).size())));
  e.step("kernel.block_product", found->step, {from, weights}, {to}, id);
  return true;
}

}  // namespace gossamer::compile
