// The operation of a step by scalar code.
#pragma once

#include "graph/primitive.h"
#include "runtime/operation.h"

namespace gossamer::compile {

// The runtime's operation for a primitive's scalar code; one made from the primitive's own table
// where the runtime has none (operators of the host). It lives as long as the process.
const runtime::Operation* operation_of(const Primitive& primitive);

}  // namespace gossamer::compile
