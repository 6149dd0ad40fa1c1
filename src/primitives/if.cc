// If: results have the types that both branches' join to, or the taken branch's when the condition
// is a constant; then contents pass through as well.
#include "reference/if.h"

#include "primitives/bodies.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const IfAttributes&, InferContext& c) {
  TRY(c.expect_dtype(0, "the condition", DType::boolean));
  for (const auto& body : c.bodies()) {
    if (!body) return malformed("a branch is missing");
    TRY(check_captures(*body, 0, c, 1));
    if (body->outputs.size() != c.result_count())
      return malformed("a branch gives " + std::to_string(body->outputs.size()) + " results, not " +
                       std::to_string(c.result_count()));
  }
  if (c.bodies().size() != 2) return malformed("an if has two branches");
  const std::optional<DimVector> condition = c.contents(0);
  if (condition && condition->size() == 1 && (*condition)[0].is_constant()) {
    const Graph& taken = *c.bodies()[(*condition)[0] == Dim(0) ? 1 : 0];
    for (std::size_t i = 0; i < c.result_count(); ++i) {
      const ValueInfo& info = taken.value(taken.outputs[i]);
      c.set(i, info.type);
      const std::optional<DimVector> contents = contents_in(taken, taken.outputs[i]);
      if (contents) c.set_contents(i, *contents);
    }
    return {};
  }
  for (std::size_t i = 0; i < c.result_count(); ++i) {
    const auto type = [&](std::size_t b) {
      return c.bodies()[b]->value(c.bodies()[b]->outputs[i]).type;
    };
    Result<Type> joined = join(type(0), type(1), [&] { return c.fresh(); });
    if (!joined.ok()) return std::move(joined).status().in("result " + std::to_string(i));
    c.set(i, std::move(joined).value());
  }
  return {};
}

}  // namespace

constinit const Primitive kIf = make_primitive<IfAttributes, infer, reference::if_then_else>(
    "if", {.min_operands = 1, .max_operands = kAnyNumber, .max_results = kAnyNumber, .bodies = 2},
    kLateExtents | kOpaque);

}  // namespace gossamer
