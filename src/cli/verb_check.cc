// gossamer check: runs stored cases and compares. One model with --data, or a whole tree of cases
// with --suite.
#include <algorithm>
#include <filesystem>

#include "cli/stored_case.h"
#include "cli/verb.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

namespace fs = std::filesystem;

struct CheckVerb {
  ModelOptions model;
  std::string data, suite, passes_named;
  Tolerance tolerance;
  bool json = false;
  RoundTrip trip = RoundTrip::none;
  bool compiled = false;
  RunnableOptions runnable;

  Treatment treatment(const PassLists& passes) const {
    return {passes, trip, compiled ? std::optional(runnable) : std::nullopt};
  }
  Status run() const;
  Status run_suite() const;
};

std::string_view suite_status(const Status& s) {
  switch (s.code()) {
    case Code::ok:
      return "pass";
    case Code::mismatch:
      return "wrong";
    case Code::unsupported:
    case Code::usage:  // the data contradicts the model
      return "refused";
    default:
      return "error";
  }
}

void collect_operators(const onnx::Graph& graph, std::vector<std::string>& names) {
  for (const onnx::Node& n : graph.nodes) {
    if (std::find(names.begin(), names.end(), n.op_type) == names.end()) names.push_back(n.op_type);
    for (const onnx::Attribute& a : n.attributes)
      for (const auto& g : a.graphs) collect_operators(*g, names);
  }
}

// Every folder below `root` that holds a model.onnx, sorted.
Result<std::vector<fs::path>> find_cases(const fs::path& root) {
  std::error_code error;
  std::vector<fs::path> cases;
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end;
       it.increment(error))
    if (it->path().filename() == "model.onnx") cases.push_back(it->path().parent_path());
  if (error) return io_error("cannot read folder '" + root.string() + "': " + error.message());
  std::sort(cases.begin(), cases.end());
  return cases;
}

Status check_case(const fs::path& folder, Tolerance tolerance, const Treatment& treatment,
                  std::vector<std::string>& operators, std::string& note) {
  ASSIGN(CaseFacts facts, read_case_facts(folder / "case.json", tolerance));
  ASSIGN(onnx::Model model, onnx::read_model(folder / "model.onnx"));
  const auto shared = std::make_shared<const onnx::Model>(std::move(model));
  collect_operators(shared->graph, operators);
  ASSIGN(std::vector<fs::path> sets, data_sets(folder));
  for (const fs::path& set : sets) {
    Status s = check_data_set(shared, {}, set, facts, note, treatment);
    if (!s.ok()) return std::move(s).in(set.filename().string());
  }
  return {};
}

Status CheckVerb::run_suite() const {
  ASSIGN(std::vector<fs::path> cases, find_cases(suite));
  ASSIGN(const PassLists chosen, choose_passes(passes_named));
  std::map<std::string_view, int> counts;
  for (const fs::path& folder : cases) {
    if (g_interrupted) return {Code::interrupted, "interrupted"};
    std::vector<std::string> operators;
    std::string note;
    const Status s = check_case(folder, tolerance, treatment(chosen), operators, note);
    const std::string name = fs::relative(folder, suite).string();
    ++counts[suite_status(s)];
    if (json) {
      const nlohmann::json row = {{"case", name},
                                  {"status", suite_status(s)},
                                  {"why", s.message()},
                                  {"operators", operators}};
      TRY(print(row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
    } else if (!s.ok()) {
      TRY(print(name + ": " + std::string(suite_status(s)) + ": " + s.message() + "\n"));
    }
  }
  if (!json)
    TRY(print(std::to_string(counts["pass"]) + " passed, " +
              std::to_string(counts["wrong"] + counts["error"]) + " failed, " +
              std::to_string(counts["refused"]) + " refused\n"));
  if (counts["wrong"] + counts["error"] > 0) return {Code::mismatch, "some cases differ"};
  return {};
}

Status CheckVerb::run() const {
  if (!suite.empty()) return run_suite();
  if (model.path.empty() || data.empty())
    return usage_error("check needs a MODEL and --data DIR, or --suite DIR",
                       "see 'gossamer check --help'");
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(onnx::LowerOptions options, model.lower_options(*loaded));
  ASSIGN(std::vector<fs::path> sets, data_sets(data));
  ASSIGN(const PassLists chosen, choose_passes(passes_named));
  Status failed;
  nlohmann::json rows = nlohmann::json::array();
  for (const fs::path& set : sets) {
    std::string note;
    const Status s = check_data_set(loaded, options, set, {tolerance, {}}, note, treatment(chosen));
    if (!s.ok() && s.code() != Code::mismatch) return s;
    if (!s.ok()) failed = s;
    rows.push_back({{"data", set.string()},
                    {"status", suite_status(s)},
                    {"why", s.message()},
                    {"note", note}});
    if (!json)
      TRY(print(set.string() + ": " + (s.ok() ? "fine" : s.message()) +
                (note.empty() ? "" : " (" + note + ")") + "\n"));
  }
  if (json) TRY(print(rows.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"));
  return failed;
}

}  // namespace

void add_check(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("check", "Run stored cases and compare the answers");
  auto self = std::make_shared<CheckVerb>();
  self->model.add_to(*verb);
  verb->get_option("MODEL")->required(false);
  verb->add_option(
      "--data", self->data,
      "Folder of test_data_set_N folders, or of input_K and output_K files (.pb, .npy, .npz)");
  verb->add_option("--suite", self->suite,
                   "Folder of cases: each a folder with model.onnx and test_data_set_N");
  verb->add_option(
      "--passes", self->passes_named,
      "Optimize each graph before it runs: 'all', 'target' (all, then the compiler's own "
      "passes), or the name of one pass");
  verb->add_option("--rtol", self->tolerance.rtol, "Relative tolerance")->capture_default_str();
  verb->add_option("--atol", self->tolerance.atol, "Absolute tolerance")->capture_default_str();
  verb->add_option("--round-trip", self->trip,
                   "Write each model as ONNX and read it again first: with its operators as they "
                   "were (origin), or each spelled from its primitives (canonical)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, RoundTrip>{
          {"origin", RoundTrip::origin}, {"canonical", RoundTrip::canonical}}));
  verb->add_flag("--compiled", self->compiled, "Compile each model and run it by kernels");
  self->runnable.add_to(*verb);
  verb->add_flag("--json", self->json,
                 "Print JSON: one object a line for --suite, an array for --data");
  verb->footer(
      "Exit code 0: all fine, 1: an answer differs, 8: the model is not supported.\n"
      "Example: gossamer check model.onnx --data test_data");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
