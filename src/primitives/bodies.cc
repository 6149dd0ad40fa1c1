// Comparing the types of bodies with those of the operands that they are run on.
#include "primitives/bodies.h"

#include <algorithm>

namespace gossamer {
namespace {

void add_symbols(const Type& type, std::set<std::string>& out) {
  if (type.element) add_symbols(*type.element, out);
  if (!type.shape) return;
  for (const Dim& d : *type.shape)
    for (std::string& s : d.symbols()) out.insert(std::move(s));
}

}  // namespace

bool accepts(const Type& wanted, const Type& given) {
  if (wanted.kind != given.kind) return false;
  if (!wanted.is_tensor())
    return !wanted.element || !given.element || accepts(*wanted.element, *given.element);
  if (wanted.dtype != given.dtype) return false;
  if (!wanted.shape || !given.shape) return true;
  if (wanted.shape->size() != given.shape->size()) return false;
  for (int d = 0; d < wanted.rank(); ++d) {
    const auto a = wanted.dim(d).constant(), b = given.dim(d).constant();
    if (a && b && *a != *b) return false;
  }
  return true;
}

Status check_captures(const Graph& body, std::size_t first_input, const InferContext& c,
                      std::size_t first_operand) {
  if (body.inputs.size() < first_input || c.operand_count() < first_operand ||
      body.inputs.size() - first_input != c.operand_count() - first_operand)
    return malformed("body '" + body.name + "' does not take as many values as it is given");
  for (std::size_t i = first_input; i < body.inputs.size(); ++i) {
    const std::size_t operand = first_operand + i - first_input;
    const ValueInfo& input = body.value(body.inputs[i]);
    if (!c.has(operand)) return malformed("a value that body '" + body.name + "' reads is missing");
    if (!accepts(input.type, c.type(operand)))
      return malformed("body '" + body.name + "' expects " + input.type.to_string() + " for '" +
                       input.name + "', but is given " + c.type(operand).to_string());
  }
  return {};
}

std::set<std::string> operand_symbols(const InferContext& c) {
  std::set<std::string> out;
  for (std::size_t i = 0; i < c.operand_count(); ++i)
    if (c.has(i)) add_symbols(c.type(i), out);
  return out;
}

Type close_over(const Type& type, const std::set<std::string>& known, const InferContext& c) {
  Type out = type;
  if (type.element) out.element = std::make_shared<const Type>(close_over(*type.element, known, c));
  if (!out.shape) return out;
  for (Dim& d : *out.shape) {
    const std::vector<std::string> symbols = d.symbols();
    if (!std::all_of(symbols.begin(), symbols.end(),
                     [&](const std::string& s) { return known.contains(s); }))
      d = c.fresh();
  }
  return out;
}

std::optional<DimVector> contents_in(const Graph& body, ValueId v) {
  const ValueId operands[] = {v};
  return InferContext(body, operands, 0, {}, {}).contents(0);
}

}  // namespace gossamer
