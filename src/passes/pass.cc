// Running lists of passes and measuring what they do.
#include "passes/pass.h"

#include <algorithm>
#include <string>

#include "graph/primitive.h"
#include "primitives/summary.h"

namespace gossamer {
namespace {

void add(PassEffect& effect, const GraphCost& before, const GraphCost& after) {
  ++effect.changed;
  effect.nodes += after.nodes - before.nodes;
  effect.constant_bytes += after.constant_bytes - before.constant_bytes;
  effect.macs = effect.macs + (after.macs - before.macs);
  if (effect.peak_bytes && before.peak_bytes && after.peak_bytes)
    *effect.peak_bytes += *after.peak_bytes - *before.peak_bytes;
  else
    effect.peak_bytes.reset();
}

}  // namespace

GraphCost cost_of(const Graph& graph) {
  const GraphSummary s = summarize(graph);
  GraphCost cost;
  for (const auto& [name, n] : s.primitives) cost.nodes += n;
  for (const auto& [dtype, bytes] : s.constant_bytes) cost.constant_bytes += bytes;
  cost.macs = s.macs;
  cost.peak_bytes = s.peak_activation_bytes;
  return cost;
}

bool same_structure(const Graph& a, const Graph& b) {
  const auto same_node = [](const Node& x, const Node& y) {
    return x.primitive == y.primitive && x.attributes == y.attributes && x.operands == y.operands &&
           x.results == y.results && x.bodies == y.bodies &&
           (x.origin == kNoOrigin) == (y.origin == kNoOrigin);
  };
  return a.values.size() == b.values.size() && a.inputs == b.inputs && a.outputs == b.outputs &&
         a.origins.size() == b.origins.size() &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), same_node);
}

bool same_attributes(const Primitive& primitive, const AttributePtr& a, const AttributePtr& b) {
  if (a == b) return true;
  const std::vector<NamedAttribute> x = primitive.describe(a.get());
  const std::vector<NamedAttribute> y = primitive.describe(b.get());
  return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](const NamedAttribute& p, const NamedAttribute& q) {
                      return p.name == q.name && same_attribute(p.value, q.value);
                    });
}

Result<PassReport> run_passes(Graph graph, std::span<const Pass> passes,
                              const PassOptions& options) {
  PassReport report;
  report.graph = std::move(graph);
  if (options.measure) report.before = cost_of(report.graph);
  for (const Pass& pass : passes) {
    PassEffect none;
    none.name = pass.name;
    report.effects.push_back(none);
  }
  GraphCost cost = report.before;
  // How many passes in a row have changed nothing: once all have, none will.
  std::size_t idle = 0;
  for (; idle < passes.size() && report.rounds < options.max_rounds; ++report.rounds) {
    for (std::size_t i = 0; i < passes.size() && idle < passes.size(); ++i) {
      const std::string where = "pass '" + std::string(passes[i].name) + "'";
      ++idle;
      Result<Rewritten> next = passes[i].run(report.graph);
      if (!next.ok()) return std::move(next).status().in(where);
      if (!*next) continue;
      Graph& made = **next;
      if (options.verify)
        if (Status s = verify(made); !s.ok()) return std::move(s).in(where);
      if (same_structure(report.graph, made)) continue;
      if (options.measure) {
        const GraphCost now = cost_of(made);
        add(report.effects[i], cost, now);
        cost = now;
      }
      report.graph = std::move(made);
      idle = 0;
    }
  }
  report.after = cost;
  return report;
}

Result<PassReport> run_passes(Graph graph, const PassLists& lists, const PassOptions& options) {
  PassReport all;
  all.graph = std::move(graph);
  if (options.measure) all.before = all.after = cost_of(all.graph);
  for (const std::span<const Pass> passes : lists) {
    ASSIGN(PassReport one, run_passes(std::move(all.graph), passes, options));
    all.graph = std::move(one.graph);
    all.after = one.after;
    all.rounds += one.rounds;
    all.effects.insert(all.effects.end(), one.effects.begin(), one.effects.end());
  }
  return all;
}

}  // namespace gossamer
