// Brings back attention that exporters spell out in parts, only where the model's opset has the
// operator (from 23 on) or names no opset.
#include "passes/attention_pattern.h"
#include "passes/passes.h"

namespace gossamer {
namespace {

constexpr std::int64_t kFirstOpset = 23;

}  // namespace

Result<Rewritten> recover_attention(const Graph& graph) {
  const auto opset = graph.opsets.find("");
  if (opset != graph.opsets.end() && opset->second < kFirstOpset) return Rewritten();
  return rewrite(graph, recover_attention_at);
}

}  // namespace gossamer
