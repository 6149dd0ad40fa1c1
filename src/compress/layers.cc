// Finds the layers of a graph: products of an activation with weights, and what goes in and out.
#include "compress/layers.h"

#include <algorithm>

#include "primitives/primitives.h"
#include "primitives/summary.h"
#include "reference/conv_transpose.h"
#include "reference/matmul.h"
#include "reference/pointwise.h"

namespace gossamer::compress {
namespace {

// Sets which axis of the weights counts output channels; false when the node is no layer.
bool set_axis(const Graph& graph, const Node& node, Layer& layer) {
  const Type& weights = graph.value(layer.weights).type;
  if (node.primitive == &kConv) {
    layer.output_axis = 0;
    return true;
  }
  if (node.primitive == &kConvTranspose) {
    layer.output_axis = 1;
    layer.whole_channels = attributes_of<ConvTransposeAttributes>(node).group == 1;
    return true;
  }
  if (node.primitive != &kMatMul || weights.rank() != 2) return false;
  layer.output_axis = attributes_of<MatMulAttributes>(node).trans_b ? 0 : 1;
  return true;
}

}  // namespace

std::int64_t Layer::channels(const Graph& graph) const {
  return graph.value(weights).constant->shape()[output_axis];
}

std::vector<Layer> find_layers(const Graph& graph) {
  std::vector<Layer> out;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (node.operands.size() < 2 || node.operands[1] == kNoValue) continue;
    const ValueInfo& weights = graph.value(node.operands[1]);
    const ValueInfo& input = graph.value(node.operands[0]);
    if (!weights.constant || weights.type.dtype != DType::f32 || weights.constant->count() == 0 ||
        input.constant || input.type.dtype != DType::f32)
      continue;
    Layer layer;
    layer.node = static_cast<NodeId>(n);
    layer.input = node.operands[0];
    layer.weights = node.operands[1];
    layer.result = node.results[0];
    layer.name = node.name.empty() ? graph.value(layer.result).name : node.name;
    if (!set_axis(graph, node, layer)) continue;
    layer.macs = macs_of(graph, node).constant().value_or(0);
    out.push_back(std::move(layer));
  }
  return out;
}

std::optional<LayerBias> bias_of(const Graph& graph, const Layer& layer) {
  const Type& type = graph.value(layer.result).type;
  if (!type.ranked() || !layer.whole_channels) return std::nullopt;
  const int axis = graph.node(layer.node).primitive == &kMatMul ? type.rank() - 1 : 1;
  const std::int64_t channels = layer.channels(graph);
  std::optional<LayerBias> found;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (std::find(node.operands.begin(), node.operands.end(), layer.result) == node.operands.end())
      continue;
    if (found || node.primitive != &kPointwise || node.operands.size() != 2) return std::nullopt;
    const PointwiseProgram& program = attributes_of<PointwiseAttributes>(node).program;
    const std::size_t other = node.operands[0] == layer.result ? 1 : 0;
    const ValueInfo& info = graph.value(node.operands[other]);
    if (program.instructions.empty() || program.instructions[0].op != PointwiseOp::add ||
        !info.constant || info.constant->count() != channels || info.type.dtype != DType::f32)
      return std::nullopt;
    const int own = axis - (type.rank() - info.constant->rank());
    if (own < 0 || own >= info.constant->rank() || info.constant->shape()[own] != channels)
      return std::nullopt;
    found = LayerBias{static_cast<NodeId>(n), other, node.operands[other]};
  }
  return found;
}

Rows::Rows(const Shape& weights, int output_axis) : count(weights[output_axis]) {
  for (int d = 0; d < output_axis; ++d) outer *= weights[d];
  for (int d = output_axis + 1; d < weights.rank(); ++d) inner *= weights[d];
  size = outer * inner;
}

}  // namespace gossamer::compress
