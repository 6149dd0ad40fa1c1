// Peeling a bias and bounds off the expression that follows a product.
#include "compile/fusion.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "compile/translate.h"
#include "graph/primitive.h"
#include "kernels/gemm/finish.h"
#include "primitives/primitives.h"

namespace gossamer::compile {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool broadcasts(const DimVector& from, const DimVector& to) {
  if (from.size() > to.size()) return false;
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (!(from[i] == Dim(1)) && !(from[i] == to[lead + i])) return false;
  return true;
}

// Peels what follows the product off the front of an expression.
class Peeler {
 public:
  Peeler(const PointwiseProgram& program, Ref product) : program_(program), now_(product) {}

  Ref now() const { return now_; }

  // Steps over `now + operand` where that is the only use of now; gives the operand.
  std::optional<Ref> addend(const std::function<bool(Ref)>& accepted) {
    const Instruction* i = only_reader();
    if (!i || i->op != PointwiseOp::add) return std::nullopt;
    const Ref other = i->args[0] == now_ ? i->args[1] : i->args[0];
    if (other == now_ || !accepted(other)) return std::nullopt;
    step_over(i);
    return other;
  }

  // Steps over `op(now, constant)`; gives the constant.
  std::optional<float> bound(PointwiseOp op) {
    const Instruction* i = only_reader();
    if (!i || i->op != op) return std::nullopt;
    const Ref other = i->args[0] == now_ ? i->args[1] : i->args[0];
    if (other.kind != Ref::Kind::constant) return std::nullopt;
    const Scalar& c = program_.constants[at(other.index)];
    if (c.dtype != DType::f32) return std::nullopt;
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(c.bits));
    if (std::isnan(value)) return std::nullopt;
    step_over(i);
    return value;
  }

 private:
  const Instruction* only_reader() const {
    if (std::find(program_.results.begin(), program_.results.end(), now_) != program_.results.end())
      return nullptr;
    const Instruction* reader = nullptr;
    for (const Instruction& i : program_.instructions)
      for (int k = 0; k < pointwise_op_operands(i.op); ++k)
        if (i.args[at(k)] == now_) {
          if (reader) return nullptr;
          reader = &i;
        }
    return reader;
  }

  void step_over(const Instruction* i) {
    now_.kind = Ref::Kind::result;
    now_.index = static_cast<std::int16_t>(i - program_.instructions.data());
  }

  const PointwiseProgram& program_;
  Ref now_;
};

// Whether an operand is a constant that differs along `axis` (of `rank`) only, with its full
// extent.
bool along_channels(const Graph& graph, ValueId v, int axis, int rank, const Dim& extent) {
  const ValueInfo& info = graph.value(v);
  if (!info.constant || info.constant->dtype() != DType::f32) return false;
  const int own = info.constant->rank(), lead = rank - own;
  if (axis < lead) return false;
  for (int i = 0; i < own; ++i) {
    const Dim d(info.constant->shape()[i]);
    if (i + lead == axis ? !(d == extent) : !(d == Dim(1))) return false;
  }
  return true;
}

}  // namespace

Epilogue::Epilogue()
    : low(-std::numeric_limits<float>::infinity()), high(std::numeric_limits<float>::infinity()) {}

bool can_have_epilogue(const Graph& graph, NodeId product, NodeId pointwise) {
  const Primitive* p = graph.node(product).primitive;
  if (p != &kConv && p != &kMatMul && p != &kConvTranspose) return false;
  const Node& n = graph.node(pointwise);
  const auto& a = attributes_of<PointwiseAttributes>(n);
  if (n.results.size() != 1 || n.results[0] == kNoValue || a.has_extent) return false;
  const Type& from = graph.value(graph.node(product).results[0]).type;
  const Type& to = graph.value(n.results[0]).type;
  if (!from.ranked() || !to.ranked() || from.dtype != DType::f32 || to.dtype != DType::f32)
    return false;
  if (!(*from.shape == *to.shape)) return false;
  for (const ValueId v : n.operands) {
    if (v == kNoValue) return false;
    const Type& t = graph.value(v).type;
    if (!t.ranked() || !broadcasts(*t.shape, *to.shape)) return false;
    const std::optional<Tensor>& c = graph.value(v).constant;
    if (c && c->packed()) return false;
  }
  return epilogue_for(graph, product, pointwise, p == &kMatMul ? to.rank() - 1 : 1).has_value();
}

std::optional<Epilogue> epilogue_for(const Graph& graph, NodeId product, NodeId pointwise,
                                     int channel_axis) {
  const Node& n = graph.node(pointwise);
  const ValueId x = graph.node(product).results[0];
  const DimVector& extents = *graph.value(x).type.shape;
  const PointwiseProgram& program = attributes_of<PointwiseAttributes>(n).program;
  const auto input_ref = [](std::size_t i) {
    return Ref{Ref::Kind::input, static_cast<std::int16_t>(i)};
  };
  const auto where = std::find(n.operands.begin(), n.operands.end(), x) - n.operands.begin();
  if (std::count(n.operands.begin(), n.operands.end(), x) != 1) return std::nullopt;

  Epilogue e;
  Peeler peeler(program, input_ref(at(where)));
  const auto is_bias = [&](Ref r) {
    return r.kind == Ref::Kind::input && channel_axis >= 0 &&
           channel_axis < static_cast<int>(extents.size()) &&
           along_channels(graph, n.operands[at(r.index)], channel_axis,
                          static_cast<int>(extents.size()), extents[at(channel_axis)]);
  };
  if (const std::optional<Ref> bias = peeler.addend(is_bias)) e.bias = n.operands[at(bias->index)];
  if (const std::optional<float> low = peeler.bound(PointwiseOp::max)) e.low = *low;
  if (const std::optional<float> high = peeler.bound(PointwiseOp::min)) {
    if (*high < e.low) return std::nullopt;
    e.high = *high;
    if (e.low == -std::numeric_limits<float>::infinity())
      if (const std::optional<float> low = peeler.bound(PointwiseOp::max)) {
        if (*low > e.high) return std::nullopt;
        e.low = *low;
      }
  }
  if (program.results[0] == peeler.now()) return e;
  std::vector<Ref> inputs = {peeler.now()};
  for (std::size_t i = 0; i < n.operands.size(); ++i) {
    if (n.operands[i] == x || n.operands[i] == e.bias) continue;
    inputs.push_back(input_ref(i));
    e.operands.push_back(n.operands[i]);
  }
  std::optional<kernels::VectorProgram> rest = translate(program, inputs);
  if (!rest) {
    // The bias may be read again by what follows.
    if (e.bias == kNoValue) return std::nullopt;
    for (std::size_t i = 0; i < n.operands.size(); ++i)
      if (n.operands[i] == e.bias) {
        inputs.push_back(input_ref(i));
        e.operands.push_back(n.operands[i]);
      }
    rest = translate(program, inputs);
    if (!rest) return std::nullopt;
  }
  if (e.operands.size() > kernels::kMaxEpilogueOperands) return std::nullopt;
  e.program = std::move(*rest);
  return e;
}

}  // namespace gossamer::compile
