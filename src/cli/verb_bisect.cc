// gossamer bisect: which pass first breaks an answer. The graph is run as it is and after each
// pass, one more at a time.
#include "cli/bisect.h"
#include "cli/stored_case.h"
#include "cli/verb.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "onnx/bind.h"

namespace gossamer::cli {
namespace {

namespace fs = std::filesystem;

struct BisectVerb {
  ModelOptions model;
  std::string data, passes = "target";
  Tolerance tolerance{1e-3, 1e-5};
  bool json = false;

  Status run() const;
};

Status BisectVerb::run() const {
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(onnx::LowerOptions options, model.lower_options(*loaded));
  ASSIGN(std::vector<fs::path> sets, data_sets(data));
  ASSIGN(const PassLists lists, choose_passes(passes));
  Status failed;
  for (const fs::path& set : sets) {
    ASSIGN(const auto feeds, read_inputs(*loaded, set));
    ASSIGN(Graph graph, onnx::lower_for(loaded, feeds, options));
    ASSIGN(const Finding found, find_breaking_pass(std::move(graph), feeds, lists, tolerance));
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
  verb->add_option("--passes", self->passes,
                   "Which to try: 'all', 'target' (all, then the compiler's own), or one by name")
      ->capture_default_str();
  verb->add_option("--rtol", self->tolerance.rtol, "Relative tolerance")->capture_default_str();
  verb->add_option("--atol", self->tolerance.atol, "Absolute tolerance")->capture_default_str();
  verb->add_flag("--json", self->json, "Print JSON: one object a line");
  verb->footer(
      "Answers are compared with those of the graph as it was, so no outputs need to be stored.\n"
      "Example: gossamer bisect model.onnx --data test_data");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
