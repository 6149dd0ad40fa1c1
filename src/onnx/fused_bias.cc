// Finds an addition behind a product that ONNX writes as the product's own input.
#include "onnx/fused_bias.h"

#include <algorithm>
#include <optional>

#include "primitives/primitives.h"
#include "reference/copy.h"
#include "reference/matmul.h"
#include "reference/pointwise.h"

namespace gossamer::onnx {
namespace {

// Whether the node is written as an operator that takes a bias: a convolution or a Gemm.
bool takes_bias(const gossamer::Graph& graph, const gossamer::Node& node) {
  if (node.primitive == &kConv || node.primitive == &kConvTranspose) return true;
  if (node.primitive != &kMatMul) return false;
  const auto& a = attributes_of<MatMulAttributes>(node);
  const auto flat = [&](ValueId v) {
    return graph.value(v).type.ranked() && graph.value(v).type.rank() == 2;
  };
  return (a.trans_a || a.trans_b) && flat(node.operands[0]) && flat(node.operands[1]);
}

// Whether x has `channels` elements, all along axis 1 of a result of `rank` axes.
bool along_channels(const gossamer::Type& x, int rank, const Dim& channels) {
  if (!x.ranked() || x.rank() < rank - 1 || x.rank() > rank) return false;
  const int axis = 1 - (rank - x.rank());
  for (int d = 0; d < x.rank(); ++d)
    if (x.dim(d) != (d == axis ? channels : Dim(1))) return false;
  return true;
}

// What of the value can be the third input of a convolution at `before`.
std::optional<ValueId> bias_of(const gossamer::Graph& graph, ValueId v, NodeId before) {
  const gossamer::ValueInfo& info = graph.value(v);
  if (info.constant) return v;
  if (info.producer == kNoNode || graph.node(info.producer).primitive != &kCopy)
    return std::nullopt;
  const gossamer::Node& copy = graph.node(info.producer);
  const StepList& steps = attributes_of<CopyAttributes>(copy).steps;
  const gossamer::ValueInfo& from = graph.value(copy.operands[0]);
  if (steps.size() != 1 || !std::holds_alternative<ReshapeStep>(steps[0]) || !from.type.ranked() ||
      from.type.rank() != 1 || from.producer >= before)
    return std::nullopt;
  return copy.operands[0];
}

// How often a program reads an operand.
std::ptrdiff_t reads(const PointwiseProgram& program, Ref operand) {
  std::ptrdiff_t n = std::count(program.results.begin(), program.results.end(), operand);
  for (const Instruction& in : program.instructions)
    n += std::count(in.args.begin(), in.args.begin() + pointwise_op_operands(in.op), operand);
  return n;
}

// The operand that the program adds to operand `x`, when that is all it does with both.
std::optional<std::size_t> addend(const PointwiseProgram& program, std::size_t x) {
  const Ref product{Ref::Kind::input, static_cast<std::int16_t>(x)};
  for (const Instruction& in : program.instructions) {
    if (in.op != PointwiseOp::add || (in.args[0] != product && in.args[1] != product)) continue;
    const Ref other = in.args[0] == product ? in.args[1] : in.args[0];
    if (other.kind != Ref::Kind::input || reads(program, product) != 1 ||
        reads(program, other) != 1)
      return std::nullopt;
    return static_cast<std::size_t>(other.index);
  }
  return std::nullopt;
}

std::optional<FusedBias> bias_behind(const gossamer::Graph& graph, NodeId product, NodeId reader) {
  const ValueId result = graph.node(product).results[0];
  const gossamer::Type& type = graph.value(result).type;
  const gossamer::Node& node = graph.node(reader);
  if (!type.ranked() || type.dtype != DType::f32 || node.primitive != &kPointwise)
    return std::nullopt;
  const auto& operands = node.operands;
  const auto x = std::find(operands.begin(), operands.end(), result) - operands.begin();
  const PointwiseProgram& program = attributes_of<PointwiseAttributes>(node).program;
  const auto other = addend(program, static_cast<std::size_t>(x));
  if (!other || !along_channels(graph.value(operands[*other]).type, type.rank(), type.dim(1)))
    return std::nullopt;
  const auto bias = bias_of(graph, operands[*other], product);
  if (!bias) return std::nullopt;
  FusedBias out{product, *bias, reader};
  out.convolved = static_cast<std::size_t>(x);
  out.operand = *other;
  out.alone =
      program.instructions.size() == 1 && operands.size() == 2 && program.results.size() == 1;
  return out;
}

}  // namespace

std::vector<FusedBias> find_fused_biases(const gossamer::Graph& graph,
                                         const std::function<bool(NodeId)>& spelled) {
  const std::vector<std::int32_t> uses = graph.use_counts();
  std::vector<FusedBias> found;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto reader = static_cast<NodeId>(n);
    if (!spelled(reader)) continue;
    for (const ValueId v : graph.nodes[n].operands) {
      const NodeId p = v == kNoValue ? kNoNode : graph.value(v).producer;
      if (p == kNoNode || !takes_bias(graph, graph.node(p)) || !spelled(p) ||
          uses[static_cast<std::size_t>(v)] != 1)
        continue;
      if (const auto bias = bias_behind(graph, p, reader)) {
        found.push_back(*bias);
        break;  // what a second convolution adds would be the first one's bias
      }
    }
  }
  return found;
}

}  // namespace gossamer::onnx
