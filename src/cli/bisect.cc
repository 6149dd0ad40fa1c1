// Finding the pass that breaks an answer.
#include "cli/bisect.h"

#include <optional>
#include <set>

#include "cli/stored_case.h"
#include "cli/verb.h"
#include "onnx/bind.h"

namespace gossamer::cli {
namespace {

using Answers = std::vector<onnx::NamedValue>;

// The first output whose answer differs.
std::optional<std::string> first_difference(const Answers& answers, const Answers& wanted,
                                            const std::set<std::string>& random,
                                            const Tolerance& tolerance) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto d = random.contains(wanted[i].name)
                       ? difference_in_type(answers[i].value, wanted[i].value)
                       : difference(answers[i].value, wanted[i].value, tolerance);
    if (d) return "output '" + wanted[i].name + "': " + *d;
  }
  return std::nullopt;
}

// Applies a pass; says how it broke an answer, or nothing.
Result<std::string> what_breaks(const Pass& pass, Graph& graph,
                                const std::map<std::string, Value>& feeds, const Answers& wanted,
                                const std::set<std::string>& random, const Tolerance& tolerance) {
  Result<Rewritten> next = pass.run(graph);
  if (!next.ok()) return next.status().message();
  if (!*next || same_structure(graph, **next)) return std::string();
  graph = std::move(**next);
  if (const Status s = verify(graph); !s.ok()) return s.message();
  const Result<Answers> answers = onnx::run_graph(graph, feeds, {0, &g_interrupted});
  if (!answers.ok() && answers.status().code() == Code::interrupted) return answers.status();
  if (!answers.ok()) return answers.status().message();
  return first_difference(*answers, wanted, random, tolerance).value_or("");
}

}  // namespace

Result<Finding> find_breaking_pass(Graph graph, const std::map<std::string, Value>& feeds,
                                   const PassLists& lists, const Tolerance& tolerance) {
  const std::set<std::string> random = random_outputs(graph);
  ASSIGN(const Answers wanted, onnx::run_graph(graph, feeds, {0, &g_interrupted}));
  for (const std::span<const Pass> passes : lists) {
    for (int round = 1; round <= PassOptions().max_rounds; ++round) {
      const Graph before = graph;
      for (const Pass& pass : passes) {
        Finding found{std::string(pass.name), {}, round};
        ASSIGN(found.why, what_breaks(pass, graph, feeds, wanted, random, tolerance));
        if (!found.why.empty()) return found;
      }
      if (same_structure(before, graph)) break;
    }
  }
  return Finding{};
}

}  // namespace gossamer::cli
