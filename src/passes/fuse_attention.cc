// Brings back attention for the compiler, whatever the model's opset has.
#include "passes/attention_pattern.h"
#include "passes/passes.h"

namespace gossamer {

Result<Rewritten> fuse_attention(const Graph& graph) {
  return rewrite(graph, recover_attention_at);
}

}  // namespace gossamer
