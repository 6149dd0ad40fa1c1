// Computes nodes whose operands are constants, and shape arithmetic whose elements are known. A
// result may not be larger than its operands by more than 64 KiB, so that a model never grows.
// Quantized weights stay as they are: how they are stored is what the model's author chose.
#include <algorithm>
#include <numeric>

#include "passes/evaluate_constants.h"
#include "passes/passes.h"

namespace gossamer {
namespace {

constexpr std::int64_t kSlackBytes = 64 * 1024;
constexpr std::int64_t kMaxMacs = std::int64_t{1} << 28;  // about a second of scalar code

bool dequantizes(const Node& node) {
  if (node.primitive != &kPointwise) return false;
  const auto& all = attributes_of<PointwiseAttributes>(node).program.instructions;
  return std::any_of(all.begin(), all.end(),
                     [](const Instruction& i) { return i.op == PointwiseOp::dequantize; });
}

bool too_costly(const Graph& graph, const Node& node) {
  if (!node.primitive->macs) return false;
  InferContext context(graph, node.operands, node.results.size(), {}, {});
  for (std::size_t i = 0; i < node.results.size(); ++i)
    if (node.results[i] != kNoValue) context.set(i, graph.value(node.results[i]).type);
  const std::optional<std::int64_t> macs =
      node.primitive->macs(node.attributes.get(), context).constant();
  return !macs || *macs > kMaxMacs;
}

// The value of a small integer tensor whose elements shape arithmetic knows.
std::optional<Tensor> from_contents(const ValueInfo& info) {
  const std::optional<Shape> shape = info.type.static_shape();
  if (!info.contents || !info.type.is_tensor() || !shape) return std::nullopt;
  std::vector<std::int64_t> values;
  for (const Dim& d : *info.contents) {
    if (!d.is_constant()) return std::nullopt;
    values.push_back(*d.constant());
  }
  if (shape->checked_count() != static_cast<std::int64_t>(values.size())) return std::nullopt;
  const auto fill = [&](auto tag) -> std::optional<Tensor> {
    using T = typename decltype(tag)::type;
    Result<Tensor> t = Tensor::make(info.type.dtype, *shape);
    if (!t.ok()) return std::nullopt;
    std::transform(values.begin(), values.end(), t->mutable_values<T>().begin(),
                   [](std::int64_t v) { return static_cast<T>(v); });
    return std::move(t).value();
  };
  switch (info.type.dtype) {
    case DType::i64:
      return fill(TypeTag<std::int64_t>{});
    case DType::i32:
      return fill(TypeTag<std::int32_t>{});
    case DType::boolean:
      return fill(TypeTag<bool>{});
    default:
      return std::nullopt;
  }
}

Result<bool> fold(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  const bool only_renames =
      node.primitive == &kCopy && attributes_of<CopyAttributes>(node).steps.empty();
  if (node.primitive->has(kVaries) || !node.bodies.empty() || only_renames) return false;
  std::vector<std::optional<Tensor>> known(node.results.size());
  bool all = true;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (node.results[i] == kNoValue) continue;
    known[i] = from_contents(r.old().value(node.results[i]));
    all = all && known[i];
  }
  if (!all) {
    if (dequantizes(node) || too_costly(r.old(), node)) return false;
    std::vector<Value> values = evaluate_constants(r, node, 1, kSlackBytes);
    if (values.empty()) return false;
    for (std::size_t i = 0; i < known.size(); ++i) known[i] = std::move(values[i].tensor);
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    const ValueId v = node.results[i];
    if (v == kNoValue) continue;
    if (!known[i] || known[i]->dtype() != r.old().value(v).type.dtype) return false;
  }
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const ValueId v = node.results[i];
    if (v == kNoValue) continue;
    bytes += static_cast<std::int64_t>(known[i]->byte_size());
    TRY(r.replace(v, r.b().constant(std::move(*known[i]), r.old().value(v).name)));
  }
  // What an operator does to a bias is no reason to write the operator in parts.
  if (bytes <= kSlackBytes) r.absorb(id);
  return true;
}

}  // namespace

Result<Rewritten> fold_constants(const Graph& graph) { return rewrite(graph, fold); }

}  // namespace gossamer
