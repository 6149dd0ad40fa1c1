// If and Loop: their scalar code runs bodies, which are programs of their own.
#include "compile/emit.h"
#include "reference/loop.h"

namespace gossamer::compile {

Result<bool> emit_If(Emitter& e, NodeId id) {
  TRY(e.region_step(id, 1, 0));
  return true;
}

Result<bool> emit_Loop(Emitter& e, NodeId id) {
  const auto& a = attributes_of<LoopAttributes>(e.node(id));
  const std::size_t own = a.own_operands() - 2 + (a.conditional ? 2 : 0);
  TRY(e.region_step(id, a.own_operands(), own));
  return true;
}

}  // namespace gossamer::compile
