// The step cast: layers' weights as 16-bit floats, which what reads them converts back.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/float_bits.h"
#include "compress/layers.h"
#include "compress/step.h"
#include "passes/rewriter.h"

namespace gossamer::compress {
namespace {

enum class HalfType : std::uint8_t { f16, bf16 };
std::span<const std::string_view> enum_names(HalfType) {
  static constexpr std::array<std::string_view, 2> kNames{"f16", "bf16"};
  return kNames;
}

struct CastOptions {
  LayerFilter filter;
  HalfType to = HalfType::f16;
};

class CastStep : public Step {
 public:
  explicit CastStep(CastOptions options) : options_(std::move(options)) {}
  bool needs_samples() const override { return false; }

  Result<Graph> apply(const Graph& graph, const StepContext& context) const override {
    std::set<NodeId> nodes;
    for (const Layer& l : find_layers(graph)) {
      if (!options_.filter.chooses(l.name)) continue;
      if (options_.to == HalfType::f16 && overflows(*graph.value(l.weights).constant)) {
        context.note(l.name + " stays f32: f16 does not reach its weights");
        continue;
      }
      nodes.insert(l.node);
    }
    context.note("weights of " + std::to_string(nodes.size()) + " layers as " +
                 std::string(enum_names(options_.to)[static_cast<std::size_t>(options_.to)]));
    const DType dtype = options_.to == HalfType::f16 ? DType::f16 : DType::bf16;
    return rewritten(graph, [&](Rewriter& r) -> NodeRule {
      const bool whole = &r.old() == &graph;
      return [&r, &nodes, whole, dtype](NodeId id) -> Result<bool> {
        if (!whole || !nodes.contains(id)) return false;
        return cast_weights(r, id, dtype);
      };
    });
  }

 private:
  static bool overflows(const Tensor& weights) {
    constexpr float kMost = 65504;
    const auto values = weights.values<float>();
    return std::any_of(values.begin(), values.end(), [](float w) { return std::abs(w) > kMost; });
  }

  static Result<Tensor> halved(const Tensor& weights, DType dtype) {
    ASSIGN(Tensor out, Tensor::make_uninitialized(dtype, weights.shape()));
    const auto from = weights.values<float>();
    if (dtype == DType::f16)
      std::transform(from.begin(), from.end(), out.mutable_values<F16>().begin(), float_to_f16);
    else
      std::transform(from.begin(), from.end(), out.mutable_values<BF16>().begin(), float_to_bf16);
    return out;
  }

  static Result<bool> cast_weights(Rewriter& r, NodeId id, DType dtype) {
    const Node& node = r.node(id);
    const ValueInfo& info = r.old().value(node.operands[1]);
    ASSIGN(Tensor half, halved(*info.constant, dtype));
    const ValueId stored = r.b().constant(std::move(half), info.name + "_half");
    std::vector<ValueId> operands = r.operands(id);
    ASSIGN(operands[1], r.b().cast(stored, DType::f32));
    ASSIGN(const std::vector<ValueId> results,
           r.b().add(*node.primitive, node.attributes, std::move(operands), 1));
    TRY(r.replace(node.results[0], results[0]));
    return true;
  }

  CastOptions options_;
};

}  // namespace

Result<StepPtr> parse_cast(Fields& fields) {
  CastOptions o;
  o.filter.read(fields);
  fields.choose("to", o.to);
  return StepPtr(std::make_unique<CastStep>(std::move(o)));
}

}  // namespace gossamer::compress
