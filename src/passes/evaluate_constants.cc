// Computes nodes of constants while a pass rebuilds a graph.
#include "passes/evaluate_constants.h"

namespace gossamer {

std::vector<Value> evaluate_constants(const Rewriter& r, const Node& node, std::int64_t growth,
                                      std::int64_t slack) {
  std::vector<Value> operands(node.operands.size());
  std::vector<const Value*> pointers(node.operands.size(), nullptr);
  std::int64_t bytes = slack;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const ValueId now = r.at(node.operands[i]);
    if (now == kNoValue) continue;
    const std::optional<Tensor>& constant = r.graph().value(now).constant;
    if (!constant) return {};
    Result<Tensor> unpacked = constant->unpack();
    if (!unpacked.ok()) return {};
    bytes += growth * static_cast<std::int64_t>(constant->byte_size());
    operands[i] = std::move(unpacked).value();
    pointers[i] = &operands[i];
  }
  Result<std::vector<Value>> results =
      evaluate_node(*node.primitive, node.attributes.get(), pointers, node.results.size(), bytes);
  if (!results.ok()) return {};
  std::int64_t total = 0;
  for (const Value& v : *results) {
    if (!v.is_tensor()) return {};
    total += static_cast<std::int64_t>(v.tensor.byte_size());
  }
  return total <= bytes ? std::move(results).value() : std::vector<Value>{};
}

}  // namespace gossamer
