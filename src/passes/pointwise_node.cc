// Building Pointwise nodes.
#include "passes/pointwise_node.h"

#include <algorithm>

namespace gossamer {
namespace {

bool reads(const PointwiseProgram& p, std::size_t input) {
  const Ref ref{Ref::Kind::input, static_cast<std::int16_t>(input)};
  for (const Instruction& in : p.instructions) {
    const auto args =
        std::span(in.args).first(static_cast<std::size_t>(pointwise_op_operands(in.op)));
    if (std::find(args.begin(), args.end(), ref) != args.end()) return true;
  }
  return std::find(p.results.begin(), p.results.end(), ref) != p.results.end();
}

}  // namespace

std::optional<DimVector> shape_of(const Graph& graph, std::span<const ValueId> operands) {
  DimVector shape;
  for (ValueId v : operands) {
    const Type& t = graph.value(v).type;
    if (!t.ranked()) return std::nullopt;
    Result<DimVector> both = broadcast(shape, *t.shape);
    if (!both.ok()) return std::nullopt;
    shape = std::move(both).value();
  }
  return shape;
}

void drop_operands(const Graph& graph, const DimVector& shape, Expression& e) {
  for (std::size_t i = e.operands.size(); i-- > 0 && e.operands.size() > 1;) {
    if (reads(e.program, i)) continue;
    std::vector<ValueId> rest = e.operands;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    if (shape_of(graph, rest) != shape) continue;
    const auto shift = [&](Ref& r) {
      if (r.kind == Ref::Kind::input && static_cast<std::size_t>(r.index) > i) --r.index;
    };
    for (Instruction& in : e.program.instructions)
      for (Ref& r : in.args) shift(r);
    for (Ref& r : e.program.results) shift(r);
    e.program.inputs.erase(e.program.inputs.begin() + static_cast<std::ptrdiff_t>(i));
    e.operands = std::move(rest);
  }
}

Ref operand_ref(const Graph& graph, Simplifier& s, ValueId v, std::vector<ValueId>& operands,
                std::vector<Ref>& refs) {
  const auto known = std::find(operands.begin(), operands.end(), v);
  if (known != operands.end()) return refs[static_cast<std::size_t>(known - operands.begin())];
  operands.push_back(v);
  const Ref input = s.input(graph.value(v).type.dtype);
  const std::optional<Tensor>& constant = graph.value(v).constant;
  const std::optional<Scalar> scalar = constant ? as_scalar(*constant) : std::nullopt;
  refs.push_back(scalar ? s.constant(*scalar) : input);
  return refs.back();
}

bool by_place(const PointwiseProgram& program) {
  return std::any_of(program.instructions.begin(), program.instructions.end(), [](const auto& in) {
    return in.op == PointwiseOp::index || in.op == PointwiseOp::extent;
  });
}

}  // namespace gossamer
