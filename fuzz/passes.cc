// Fuzz target: random graphs through every pass; each must leave a valid graph with the same
// answers.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/compare.h"
#include "generate/generate.h"
#include "graph/primitive.h"
#include "passes/passes.h"
#include "primitives/evaluator.h"

namespace {

using namespace gossamer;

[[noreturn]] void fail(std::string_view pass, const std::string& what) {
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(pass.size()), pass.data(), what.c_str());
  std::abort();
}

void check(const Graph& graph, std::span<const Value> inputs, const std::vector<Value>& wanted,
           const PassLists& passes, std::string_view name) {
  const Result<PassReport> report = run_passes(graph, passes, {.max_rounds = 4, .verify = true});
  if (!report.ok()) fail(name, report.status().message());
  const Result<std::vector<Value>> answers = evaluate(report->graph, inputs);
  if (!answers.ok()) fail(name, answers.status().message());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (const auto d = difference((*answers)[i], wanted[i], random_tolerance(graph)))
      fail(name, "output " + std::to_string(i) + ": " + *d);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t seed = 0;
  std::memcpy(&seed, data, std::min(size, sizeof seed));
  const Result<Graph> graph = random_graph(seed);
  if (!graph.ok()) return 0;
  for (const Node& node : graph->nodes)
    if (node.primitive->has(kVaries)) return 0;
  const Result<std::vector<Value>> inputs = random_inputs(*graph, seed);
  if (!inputs.ok()) return 0;
  const Result<std::vector<Value>> wanted = evaluate(*graph, *inputs);
  if (!wanted.ok()) return 0;
  for (const auto list : {portable_passes(), target_passes()})
    for (const Pass& pass : list)
      check(*graph, *inputs, *wanted, PassLists{std::span(&pass, 1)}, pass.name);
  check(*graph, *inputs, *wanted, PassLists{portable_passes()}, "all");
  check(*graph, *inputs, *wanted, PassLists{portable_passes(), target_passes()}, "target");
  return 0;
}
