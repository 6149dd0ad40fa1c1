// Inlining of bodies.
#include "passes/inline_body.h"

namespace gossamer {

Result<std::vector<ValueId>> inline_body(Rewriter& r, const Graph& body,
                                         std::span<const ValueId> inputs) {
  if (inputs.size() != body.inputs.size())
    return internal_error("a body is given too many or too few inputs");
  std::vector<ValueId> image(body.values.size(), kNoValue);
  const auto at = [&](ValueId v) -> ValueId& { return image[static_cast<std::size_t>(v)]; };
  for (std::size_t i = 0; i < inputs.size(); ++i) at(body.inputs[i]) = inputs[i];
  for (std::size_t v = 0; v < image.size(); ++v)
    if (const ValueInfo& info = body.values[v]; info.constant)
      image[v] = r.b().constant(*info.constant, info.name);
  for (const Node& node : body.nodes) {
    std::vector<ValueId> operands;
    for (ValueId v : node.operands) operands.push_back(v == kNoValue ? kNoValue : at(v));
    r.b().set_origin(kNoOrigin, node.name);
    ASSIGN(const std::vector<ValueId> results,
           r.b().add(*node.primitive, node.attributes, std::move(operands), node.results.size(),
                     node.bodies));
    for (std::size_t i = 0; i < results.size(); ++i)
      if (node.results[i] != kNoValue) at(node.results[i]) = results[i];
  }
  std::vector<ValueId> outputs;
  for (ValueId v : body.outputs) outputs.push_back(at(v));
  return outputs;
}

}  // namespace gossamer
