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

void check(const RandomCase& made, const PassLists& passes, std::string_view name) {
  const Result<PassReport> report =
      run_passes(made.graph, passes, {.max_rounds = 4, .verify = true});
  if (!report.ok()) fail(name, report.status().message());
  const Result<std::vector<Value>> answers = evaluate(report->graph, made.inputs);
  if (!answers.ok()) fail(name, answers.status().message());
  for (std::size_t i = 0; i < made.outputs.size(); ++i)
    if (const auto d = difference((*answers)[i], made.outputs[i], random_tolerance(made.graph)))
      fail(name, "output " + std::to_string(i) + ": " + *d);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t seed = 0;
  std::memcpy(&seed, data, std::min(size, sizeof seed));
  const Result<RandomCase> made = random_case(seed);
  if (!made.ok()) return 0;
  for (const Node& node : made->graph.nodes)
    if (node.primitive->has(kVaries)) return 0;
  for (const auto list : {portable_passes(), target_passes()})
    for (const Pass& pass : list) check(*made, PassLists{std::span(&pass, 1)}, pass.name);
  check(*made, PassLists{portable_passes()}, "all");
  check(*made, PassLists{portable_passes(), target_passes()}, "target");
  return 0;
}
