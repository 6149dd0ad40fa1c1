// Polynomials over symbols, printed as integer instructions, each value once.
#include "compile/shapes.h"

#include "graph/dim_expression.h"

namespace gossamer::compile {

using runtime::Register;
using runtime::ShapeInstruction;
using runtime::ShapeOp;

namespace {

ShapeOp op_of(DimAtom::Kind kind) {
  switch (kind) {
    case DimAtom::Kind::floor_div:
      return ShapeOp::floor_div;
    case DimAtom::Kind::floor_mod:
      return ShapeOp::floor_mod;
    case DimAtom::Kind::min:
      return ShapeOp::min;
    default:
      return ShapeOp::max;
  }
}

}  // namespace

Register ShapeRegisters::emit(const ShapeInstruction& instruction) {
  const bool computed = instruction.op >= ShapeOp::add;
  const auto is_late = [&](std::int32_t r) { return late_[static_cast<std::size_t>(r)]; };
  late_.push_back(instruction.op == ShapeOp::late_extent ||
                  (computed && (is_late(instruction.a) || is_late(instruction.b))));
  program_.shape_program.push_back(instruction);
  return static_cast<Register>(program_.shape_program.size() - 1);
}

void ShapeRegisters::bind_input(const Dim& dim, std::int32_t input, std::int32_t axis) {
  const Register extent = emit({ShapeOp::input_extent, input, axis, 0});
  if (const std::optional<Register> bound = of(dim))
    program_.equal_extents.emplace_back(extent, *bound);
  else
    by_text_.emplace(dim.to_string(), extent);
}

void ShapeRegisters::bind_late(const Dim& dim, runtime::SlotId slot, std::int32_t axis) {
  if (!known(dim)) by_text_.emplace(dim.to_string(), emit({ShapeOp::late_extent, slot, axis, 0}));
}

std::optional<Register> ShapeRegisters::of(const Dim& dim) {
  const std::string text = dim.to_string();
  if (const auto found = by_text_.find(text); found != by_text_.end()) return found->second;
  const std::optional<Register> r = compute(dim);
  if (r) by_text_.emplace(text, *r);
  return r;
}

bool ShapeRegisters::late(const Dim& dim) {
  const std::optional<Register> r = of(dim);
  return !r || late_[static_cast<std::size_t>(*r)];
}

std::optional<Register> ShapeRegisters::compute(const Dim& dim) {
  if (const std::optional<std::int64_t> value = dim.constant())
    return emit({ShapeOp::constant, 0, 0, *value});
  std::optional<Register> sum;
  for (const DimTerm& term : DimExpression::terms_of(dim)) {
    std::optional<Register> product;
    if (term.coefficient != 1 || term.factors.empty()) product = of(Dim(term.coefficient));
    for (const DimAtomPtr& atom : term.factors) {
      const std::optional<Register> factor = compute(*atom);
      if (!factor) return std::nullopt;
      product = product ? emit({ShapeOp::mul, *product, *factor, 0}) : *factor;
    }
    sum = sum ? emit({ShapeOp::add, *sum, *product, 0}) : *product;
  }
  return sum;
}

std::optional<Register> ShapeRegisters::compute(const DimAtom& atom) {
  if (const auto found = by_text_.find(atom.text); found != by_text_.end()) return found->second;
  if (atom.kind == DimAtom::Kind::symbol) return std::nullopt;
  std::optional<Register> result;
  for (const Dim& arg : atom.args) {
    const std::optional<Register> r = of(arg);
    if (!r) return std::nullopt;
    result = result ? emit({op_of(atom.kind), *result, *r, 0}) : *r;
  }
  if (result) by_text_.emplace(atom.text, *result);
  return result;
}

}  // namespace gossamer::compile
