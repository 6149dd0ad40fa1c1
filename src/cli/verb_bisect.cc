// gossamer bisect: which pass first breaks an answer. The graph is run as it is and after each
// pass, one more at a time.
#include "cli/stored_case.h"
#include "cli/verb.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "onnx/bind.h"
#include "passes/passes.h"

namespace gossamer::cli {
namespace {

namespace fs = std::filesystem;

struct BisectVerb {
  ModelOptions model;
  std::string data;
  Tolerance tolerance{1e-3, 1e-5};
  bool json = false;

  Status run() const;
};

struct Finding {
  std::string pass, why;  // empty: none breaks an answer
  int round = 0;
};

// The first output whose answer differs.
std::optional<std::string> first_difference(const std::vector<onnx::NamedValue>& answers,
                                            const std::vector<onnx::NamedValue>& wanted,
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

// Runs the graph after every pass that changes it.
Result<Finding> find_breaking_pass(Graph graph, const std::map<std::string, Value>& feeds,
                                   const Tolerance& tolerance) {
  const onnx::RunOptions how{0, &g_interrupted};
  const std::set<std::string> random = random_outputs(graph);
  ASSIGN(const std::vector<onnx::NamedValue> wanted, onnx::run_graph(graph, feeds, how));
  for (int round = 1; round <= PassOptions().max_rounds; ++round) {
    bool changed = false;
    for (const Pass& pass : portable_passes()) {
      const std::string name(pass.name);
      Result<Graph> next = pass.run(graph);
      if (!next.ok()) return Finding{name, next.status().message(), round};
      if (same_structure(graph, *next)) continue;
      changed = true;
      graph = std::move(next).value();
      if (const Status s = verify(graph); !s.ok()) return Finding{name, s.message(), round};
      Result<std::vector<onnx::NamedValue>> answers = onnx::run_graph(graph, feeds, how);
      if (!answers.ok() && answers.status().code() == Code::interrupted)
        return std::move(answers).status();
      if (!answers.ok()) return Finding{name, answers.status().message(), round};
      if (const auto d = first_difference(*answers, wanted, random, tolerance))
        return Finding{name, *d, round};
    }
    if (!changed) break;
  }
  return Finding{};
}

Status BisectVerb::run() const {
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(onnx::LowerOptions options, model.lower_options(*loaded));
  ASSIGN(std::vector<fs::path> sets, data_sets(data));
  Status failed;
  for (const fs::path& set : sets) {
    ASSIGN(const auto feeds, read_inputs(*loaded, set));
    ASSIGN(Graph graph, onnx::lower_for(loaded, feeds, options));
    ASSIGN(const Finding found, find_breaking_pass(std::move(graph), feeds, tolerance));
    const bool fine = found.pass.empty();
    if (!fine) failed = Status(Code::mismatch, "a pass breaks an answer");
    if (json) {
      const nlohmann::json row = {{"data", set.string()},
                                  {"pass", fine ? nlohmann::json() : nlohmann::json(found.pass)},
                                  {"round", found.round},
                                  {"why", found.why}};
      TRY(print(row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    } else if (fine) {
      TRY(print(set.string() + ": no pass breaks an answer\n"));
    } else {
      TRY(print(fmt::format("{}: pass '{}' (round {}): {}\n", set.string(), found.pass, found.round,
                            found.why)));
    }
  }
  return failed;
}

}  // namespace

void add_bisect(CLI::App& app, Invocation& invocation) {
  CLI::App* verb =
      app.add_subcommand("bisect", "Name the first pass that breaks a model's answers");
  auto self = std::make_shared<BisectVerb>();
  self->model.add_to(*verb);
  verb->add_option("--data", self->data,
                   "Folder of test_data_set_N folders, or of input_K files (.pb, .npy, .npz)")
      ->required();
  verb->add_option("--rtol", self->tolerance.rtol, "Relative tolerance")->capture_default_str();
  verb->add_option("--atol", self->tolerance.atol, "Absolute tolerance")->capture_default_str();
  verb->add_flag("--json", self->json, "Print JSON: one object a line");
  verb->footer(
      "Answers are compared with those of the graph as it was, so no outputs need to be stored.\n"
      "Example: gossamer bisect model.onnx --data test_data");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
