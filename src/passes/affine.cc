// Recognizing scale and shift.
#include "passes/affine.h"

#include <algorithm>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "reference/pointwise.h"

namespace gossamer {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// scale * x + shift as references of a program in f64; no scale: x does not occur.
struct Term {
  std::optional<Ref> scale;
  Ref shift;
};

class AffineReader {
 public:
  // Operand `x` of the program is the variable.
  AffineReader(const PointwiseProgram& program, std::size_t x) : program_(program), x_(x) {}

  std::optional<PointwiseProgram> read() {
    for (DType d : program_.inputs) inputs_.push_back(e_.input(d));
    for (const Instruction& in : program_.instructions) {
      std::optional<Term> t = term(in);
      if (!t) return std::nullopt;
      terms_.push_back(*t);
    }
    const Term y = image(program_.results[0]);
    if (!y.scale) return std::nullopt;
    const Ref results[] = {*y.scale, y.shift};
    return e_.finish(results);
  }

 private:
  Ref number(double v) { return e_.constant(DType::f64, v); }

  Term image(Ref r) {
    if (r.kind == Ref::Kind::result) return terms_[at(r.index)];
    if (r.kind == Ref::Kind::constant)
      return {std::nullopt, e_.cast(e_.constant(program_.constants[at(r.index)]), DType::f64)};
    if (at(r.index) == x_) return {number(1), number(0)};
    return {std::nullopt, e_.cast(inputs_[at(r.index)], DType::f64)};
  }

  Term scaled(PointwiseOp op, const Term& a, Ref by) {
    return {e_.binary(op, *a.scale, by), e_.binary(op, a.shift, by)};
  }

  std::optional<Term> term(const Instruction& in) {
    using enum PointwiseOp;
    const int count = pointwise_op_operands(in.op);
    if (in.op == cast && in.dtype == program_.dtype_of(in.args[0])) return image(in.args[0]);
    if (in.dtype != program_.inputs[x_] || count < 1 || count > 2) return std::nullopt;
    for (int k = 0; k < count; ++k)
      if (program_.dtype_of(in.args[at(k)]) != in.dtype) return std::nullopt;
    const Term a = image(in.args[0]);
    if (count == 1) {
      if (!a.scale) return Term{std::nullopt, e_.unary(in.op, a.shift)};
      if (in.op != neg) return std::nullopt;
      return Term{e_.neg(*a.scale), e_.neg(a.shift)};
    }
    const Term b = image(in.args[1]);
    if (!a.scale && !b.scale) return Term{std::nullopt, e_.binary(in.op, a.shift, b.shift)};
    if (in.op == mul && !b.scale) return scaled(mul, a, b.shift);
    if (in.op == mul && !a.scale) return scaled(mul, b, a.shift);
    if (in.op == div && !b.scale) return scaled(div, a, b.shift);
    if (in.op != add && in.op != sub) return std::nullopt;
    std::optional<Ref> scale = a.scale;
    if (b.scale && a.scale) scale = e_.binary(in.op, *a.scale, *b.scale);
    if (b.scale && !a.scale) scale = in.op == add ? *b.scale : e_.neg(*b.scale);
    return Term{scale, e_.binary(in.op, a.shift, b.shift)};
  }

  const PointwiseProgram& program_;
  std::size_t x_;
  ExpressionBuilder e_;
  std::vector<Ref> inputs_;
  std::vector<Term> terms_;
};

}  // namespace

std::optional<Affine> as_affine(const Graph& graph, const Node& node) {
  if (node.primitive != &kPointwise || node.results.size() != 1) return std::nullopt;
  const auto& a = attributes_of<PointwiseAttributes>(node);
  if (a.has_extent) return std::nullopt;
  std::optional<std::size_t> x;
  std::vector<Value> values(node.operands.size());
  std::vector<const Value*> operands(node.operands.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::optional<Tensor>& constant = graph.value(node.operands[i]).constant;
    operands[i] = &values[i];
    if (!constant) {
      if (x) return std::nullopt;
      x = i;
      continue;
    }
    Result<Tensor> plain = constant->unpack();
    if (!plain.ok()) return std::nullopt;
    values[i] = std::move(plain).value();
  }
  if (!x) return std::nullopt;
  const DType dtype = a.program.inputs[*x];
  if (dtype != DType::f32 && dtype != DType::f64) return std::nullopt;
  Result<Tensor> one = Tensor::make(dtype, Shape{});
  if (!one.ok()) return std::nullopt;
  values[*x] = std::move(one).value();
  std::optional<PointwiseProgram> program = AffineReader(a.program, *x).read();
  if (!program) return std::nullopt;
  const PointwiseAttributes attributes{std::move(*program), false};
  Result<std::vector<Value>> results = evaluate_node(kPointwise, &attributes, operands, 2);
  if (!results.ok()) return std::nullopt;
  return Affine{node.operands[*x], (*results)[0].tensor, (*results)[1].tensor};
}

std::optional<std::vector<double>> along_axis(const Tensor& t, int rank, int axis,
                                              std::int64_t count) {
  if (t.rank() > rank) return std::nullopt;
  for (int d = 0; d < t.rank(); ++d) {
    const bool is_axis = d + rank - t.rank() == axis;
    if (t.shape()[d] != 1 && !(is_axis && t.shape()[d] == count)) return std::nullopt;
  }
  const std::span<const double> values = t.values<double>();
  if (values.size() == 1) return std::vector<double>(at(count), values[0]);
  return std::vector<double>(values.begin(), values.end());
}

}  // namespace gossamer
