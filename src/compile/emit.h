// How nodes become steps of kernels: one function a primitive, listed in emit.def.
#pragma once

#include "compile/emitter.h"
#include "graph/primitive.h"
#include "primitives/primitives.h"
#include "reference/conv.h"

namespace gossamer::compile {

#define EMIT(name) Result<bool> emit_##name(Emitter& e, NodeId id);
#include "compile/emit.def"
#undef EMIT

// A MatMul, Conv or ConvTranspose with its epilogue, if it has one.
Result<bool> emit_product(Emitter& e, NodeId id);
// The same for 8-bit integers with sums in i32.
Result<bool> emit_integer_product(Emitter& e, NodeId id);
// A MatMul whose weights are made of few bits by nodes that were left out.
Result<bool> emit_block_product(Emitter& e, NodeId id);
// Padding before each spatial axis of x; nothing when it depends on open extents.
std::optional<std::vector<std::int64_t>> pads_before(const ConvAttributes& a, const DimVector& x,
                                                     const std::vector<std::int64_t>& kernel);

}  // namespace gossamer::compile
