// Attention as exporters spell it out in parts, for the passes that bring it back.
#pragma once

#include "passes/rewriter.h"

namespace gossamer {

// The rule of a pass: puts one Attention in the place of a product of softmax weights and values,
// softmax(q k^T * scale + mask) v over f32 of [batch, heads, places, width] or [heads, places,
// width].
Result<bool> recover_attention_at(Rewriter& r, NodeId id);

}  // namespace gossamer
