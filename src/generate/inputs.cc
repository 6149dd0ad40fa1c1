// Values for the inputs of a random graph, its answers, and how exact they are.
#include <map>

#include "generate/maker.h"
#include "primitives/evaluator.h"

namespace gossamer {
namespace {

// Symbols stand for the same extent wherever they occur.
Shape random_extents(const Type& type, generate::Dice& dice,
                     std::map<std::string, std::int64_t, std::less<>>& symbols) {
  Shape shape;
  for (const Dim& d : *type.shape) {
    for (const std::string& s : d.symbols())
      if (!symbols.contains(s))
        symbols[s] = dice.between(generate::kMinSymbol, generate::kMaxSymbol);
    const auto lookup = [&](std::string_view s) -> std::optional<std::int64_t> {
      const auto found = symbols.find(s);
      return found == symbols.end() ? std::nullopt : std::optional(found->second);
    };
    shape.dims().push_back(d.evaluate(lookup).value_or(1));
  }
  return shape;
}

Result<Tensor> random_tensor(DType dtype, Shape shape, generate::Dice& dice) {
  ASSIGN(Tensor tensor, Tensor::make(dtype, std::move(shape)));
  const generate::Range range = generate::input_range(dtype);
  const auto low = static_cast<std::int64_t>(range.low),
             high = static_cast<std::int64_t>(range.high);
  visit_storage(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_unsigned_v<T>)
      for (T& v : tensor.mutable_values<T>()) {
        const Scalar s = is_floating(dtype) ? make_scalar(dtype, dice.grid())
                                            : make_scalar(dtype, dice.between(low, high));
        v = static_cast<T>(s.bits);
      }
  });
  return tensor;
}

bool has_narrow_floats(const Graph& graph) {
  for (const ValueInfo& v : graph.values)
    if (v.type.is_tensor() && is_floating(v.type.dtype) && generate::half_ulp(v.type.dtype) > 1e-6)
      return true;
  for (const Node& node : graph.nodes)
    for (const auto& body : node.bodies)
      if (has_narrow_floats(*body)) return true;
  return false;
}

}  // namespace

Result<std::vector<Value>> random_inputs(const Graph& graph, std::uint64_t seed) {
  generate::Dice dice(seed ^ 0x696e70757473U);
  std::map<std::string, std::int64_t, std::less<>> symbols;
  std::vector<Value> values;
  for (ValueId v : graph.inputs) {
    const Type& type = graph.value(v).type;
    if (!type.ranked()) return usage_error("the type of an input is not known");
    ASSIGN(Tensor tensor, random_tensor(type.dtype, random_extents(type, dice, symbols), dice));
    values.emplace_back(std::move(tensor));
  }
  return values;
}

Result<RandomCase> random_case(std::uint64_t seed, const GenerateOptions& options) {
  RandomCase out;
  ASSIGN(out.graph, random_graph(seed, options));
  const auto name = [&] { return "seed " + std::to_string(seed); };
  auto inputs = random_inputs(out.graph, seed);
  if (!inputs.ok()) return std::move(inputs).status().in(name());
  out.inputs = std::move(inputs).value();
  auto outputs = evaluate(out.graph, out.inputs);
  if (!outputs.ok()) return std::move(outputs).status().in(name());
  out.outputs = std::move(outputs).value();
  return out;
}

Tolerance random_tolerance(const Graph& graph) {
  if (has_narrow_floats(graph)) return {2e-2, 2 * generate::kMaxNarrowError};
  return {1e-3, 2 * generate::kMaxError};
}

}  // namespace gossamer
