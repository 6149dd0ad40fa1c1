// Runs the steps of a recipe one after another on a model.
#include "compress/compress.h"

#include "passes/passes.h"

namespace gossamer::compress {

Result<Compressed> compress(const Graph& graph, const Recipe& recipe,
                            const samples::Samples* samples, const CompressOptions& options) {
  if (samples == nullptr && recipe.needs_samples())
    return usage_error("the recipe needs samples", "give them with --samples");
  ASSIGN(PassReport optimized, run_passes(graph, portable_passes()));
  Compressed out;
  out.before = optimized.before;
  out.graph = std::move(optimized.graph);
  StepContext context{samples, options.control, &out.notes};
  for (const NamedStep& step : recipe.steps) {
    if (options.on_step) options.on_step(step.name);
    Result<Graph> next = step.step->apply(out.graph, context);
    if (!next.ok()) return std::move(next).status().in("step " + step.name);
    out.graph = std::move(next).value();
    TRY(verify(out.graph));
  }
  out.after = cost_of(out.graph);
  return out;
}

}  // namespace gossamer::compress
