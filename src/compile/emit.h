// How nodes become steps of kernels: one function a primitive, listed in emit.def.
#pragma once

#include "compile/emitter.h"
#include "graph/primitive.h"
#include "primitives/primitives.h"

namespace gossamer::compile {

#define EMIT(name) Result<bool> emit_##name(Emitter& e, NodeId id);
#include "compile/emit.def"
#undef EMIT

// A MatMul, Conv or ConvTranspose with its epilogue, if it has one.
Result<bool> emit_product(Emitter& e, NodeId id);

}  // namespace gossamer::compile
