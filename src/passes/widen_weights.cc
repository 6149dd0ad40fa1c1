// Computes what is said of constant weights of convolutions and recurrent layers that compute on
// floats, so that kernels can pack them: dequantized 8-bit weights become floats. They may take
// eight times the bytes (4 bits to 32). Dequantized 32-bit integers, such as biases, become floats
// wherever they stand.
#include "passes/evaluate_constants.h"
#include "passes/passes.h"

namespace gossamer {
namespace {

constexpr std::int64_t kGrowth = 8;
constexpr std::int64_t kSlackBytes = 64 * 1024;

// Which operands of a node are weights that kernels pack.
std::span<const std::size_t> packed_operands(const Node& node) {
  static constexpr std::size_t kRecurrentWeights[] = {1, 2, 3, 7};  // W, R, B, P
  static constexpr std::size_t kConvWeights[] = {1};
  if (node.primitive == &kRecurrent) return kRecurrentWeights;
  if (node.primitive == &kConv || node.primitive == &kConvTranspose) return kConvWeights;
  return {};
}

// By value: whether weights that kernels pack are made of it.
std::vector<bool> weights_of(const Graph& graph) {
  std::vector<bool> wanted(graph.values.size());
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (const auto packed = packed_operands(*node); !packed.empty()) {
      for (const std::size_t i : packed)
        if (i < node->operands.size() && node->operands[i] != kNoValue)
          wanted[static_cast<std::size_t>(node->operands[i])] = true;
      continue;
    }
    const bool moves = node->primitive == &kPointwise || node->primitive == &kCopy;
    const bool is_wanted = std::any_of(node->results.begin(), node->results.end(), [&](ValueId v) {
      return v != kNoValue && wanted[static_cast<std::size_t>(v)];
    });
    if (!moves || !is_wanted) continue;
    for (const ValueId v : node->operands)
      if (v != kNoValue) wanted[static_cast<std::size_t>(v)] = true;
  }
  return wanted;
}

// Whether it computes one tensor of i32 constants and of single numbers.
bool keeps_width(const Rewriter& r, const Node& node) {
  if (node.primitive != &kPointwise || node.results.size() != 1) return false;
  bool words = false;
  for (const ValueId v : node.operands) {
    if (v == kNoValue) return false;
    const std::optional<Tensor>& t = r.graph().value(r.at(v)).constant;
    if (!t || (t->count() > 1 && dtype_size(t->dtype()) < 4)) return false;
    words = words || t->dtype() == DType::i32;
  }
  return words;
}

Result<bool> widen(Rewriter& r, NodeId id, const std::vector<bool>& wanted) {
  const Node& node = r.node(id);
  if (node.primitive != &kPointwise && node.primitive != &kCopy) return false;
  for (const ValueId v : node.results)
    if (v == kNoValue || (!wanted[static_cast<std::size_t>(v)] && !keeps_width(r, node)))
      return false;
  const std::vector<Value> values = evaluate_constants(r, node, kGrowth, kSlackBytes);
  if (values.size() != node.results.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const ValueInfo& old = r.old().value(node.results[i]);
    if (values[i].tensor.dtype() != old.type.dtype) return false;
    TRY(r.replace(node.results[i], r.b().constant(values[i].tensor, old.name)));
  }
  return true;
}

}  // namespace

Result<Rewritten> widen_weights(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    return [&r, wanted = weights_of(r.old())](NodeId id) { return widen(r, id, wanted); };
  });
}

}  // namespace gossamer
