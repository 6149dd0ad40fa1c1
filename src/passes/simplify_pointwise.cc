// Simplifies expressions: constants among themselves, operations that change nothing, casts there
// and back, cheaper instructions for the same answer. An expression takes in the one that makes an
// operand when the two together come out simpler than apart.
#include <algorithm>

#include "passes/expression.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

struct Expression {
  std::vector<ValueId> operands;
  PointwiseProgram program;
};

// The shape that operands broadcast to; nothing when one is not known.
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

bool reads(const PointwiseProgram& p, std::size_t input) {
  const Ref ref{Ref::Kind::input, static_cast<std::int16_t>(input)};
  for (const Instruction& in : p.instructions) {
    const auto args =
        std::span(in.args).first(static_cast<std::size_t>(pointwise_op_operands(in.op)));
    if (std::find(args.begin(), args.end(), ref) != args.end()) return true;
  }
  return std::find(p.results.begin(), p.results.end(), ref) != p.results.end();
}

// Leaves out operands that the program does not read and the shape does not need.
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

// What an operand is to a program that is being rebuilt.
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

// The expression simplified by itself, or nothing when there is nothing to gain.
std::optional<Expression> simplified(const Graph& graph, const Expression& e) {
  Simplifier s;
  Expression out;
  std::vector<Ref> seen, refs;
  for (ValueId v : e.operands) refs.push_back(operand_ref(graph, s, v, out.operands, seen));
  const std::vector<Ref> results = s.inlined(e.program, refs);
  if (s.savings() == 0) return std::nullopt;
  out.program = s.finish(results);
  if (out.program.instructions.size() > kMaxInstructions) return std::nullopt;
  return out;
}

// The expression with the one that makes operand `i` put into it, simplified.
std::optional<Expression> taken_in(Rewriter& r, const DimVector& shape, const Expression& e,
                                   std::size_t i) {
  const Node* producer = r.producer(e.operands[i], kPointwise);
  if (!producer || producer->results.size() != 1) return std::nullopt;
  // On a larger result it would be computed more often.
  if (r.graph().value(e.operands[i]).type.shape != shape) return std::nullopt;
  const auto& inner = attributes_of<PointwiseAttributes>(*producer);
  if (inner.has_extent) return std::nullopt;
  // `index` and `extent` count the axes of the inner result.
  const bool by_place = std::any_of(
      inner.program.instructions.begin(), inner.program.instructions.end(),
      [](const auto& in) { return in.op == PointwiseOp::index || in.op == PointwiseOp::extent; });
  if (by_place) return std::nullopt;
  Simplifier s;
  Expression out;
  std::vector<Ref> seen, inner_refs, refs;
  for (ValueId v : producer->operands)
    inner_refs.push_back(operand_ref(r.graph(), s, v, out.operands, seen));
  const std::vector<Ref> made = s.inlined(inner.program, inner_refs);
  for (std::size_t k = 0; k < e.operands.size(); ++k)
    refs.push_back(k == i ? made[0] : operand_ref(r.graph(), s, e.operands[k], out.operands, seen));
  const std::vector<Ref> results = s.inlined(e.program, refs);
  if (s.savings() == 0) return std::nullopt;
  out.program = s.finish(results);
  const std::size_t alone = e.program.instructions.size();
  const std::size_t apart = alone + inner.program.instructions.size();
  const std::size_t together = out.program.instructions.size();
  const bool fewer = r.reads(e.operands[i]) == 1 ? together < apart : together < alone;
  if (!fewer || together > kMaxInstructions) return std::nullopt;
  return out;
}

Result<bool> simplify(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kPointwise) return false;
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const ValueId first = *std::find_if(node.results.begin(), node.results.end(),
                                      [](ValueId v) { return v != kNoValue; });
  const std::optional<DimVector>& shape = r.old().value(first).type.shape;
  if (a.has_extent || !shape) return false;
  Expression e{r.operands(id), a.program};
  bool changed = false;
  for (bool again = true; again;) {
    again = false;
    std::optional<Expression> better = simplified(r.graph(), e);
    for (std::size_t i = 0; !better && i < e.operands.size(); ++i)
      better = taken_in(r, *shape, e, i);
    if (!better || better->program == e.program) break;
    drop_operands(r.graph(), *shape, *better);
    if (shape_of(r.graph(), better->operands) != *shape) break;
    e = std::move(*better);
    changed = again = true;
  }
  if (!changed) return false;
  ASSIGN(std::vector<ValueId> results,
         r.b().add(kPointwise, make_attributes(PointwiseAttributes{std::move(e.program), false}),
                   e.operands, node.results.size()));
  for (std::size_t i = 0; i < results.size(); ++i)
    if (node.results[i] != kNoValue) TRY(r.replace(node.results[i], results[i]));
  return true;
}

}  // namespace

Result<Graph> simplify_pointwise(const Graph& graph) { return rewrite(graph, simplify); }

}  // namespace gossamer
