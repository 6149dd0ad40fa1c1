// gossamer optimize: applies the portable passes, writes the model as ONNX again and tells what
// each pass did.
#include "base/atomic_file.h"
#include "cli/stored_case.h"
#include "cli/verb.h"
#include "fmt/format.h"
#include "graph/text.h"
#include "nlohmann/json.hpp"
#include "onnx/writer.h"
#include "passes/passes.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;

struct OptimizeVerb {
  ModelOptions model;
  std::string passes = "all", output, text;
  std::optional<std::int64_t> opset;
  bool as_json = false, full = false;

  Status run() const;
};

// A number when it is one, else the expression over symbols.
json dim_json(const Dim& d) { return d.constant() ? json(*d.constant()) : json(d.to_string()); }
json bytes_json(const std::optional<std::int64_t>& n) { return n ? json(*n) : json(nullptr); }

json cost_json(const GraphCost& c) {
  return {{"nodes", c.nodes},
          {"macs", dim_json(c.macs)},
          {"constant_bytes", c.constant_bytes},
          {"peak_activation_bytes", bytes_json(c.peak_bytes)}};
}

json report_json(const PassReport& report) {
  json out = {{"before", cost_json(report.before)},
              {"after", cost_json(report.after)},
              {"rounds", report.rounds},
              {"passes", json::array()}};
  for (const PassEffect& e : report.effects)
    out["passes"].push_back({{"name", e.name},
                             {"changed", e.changed},
                             {"nodes", e.nodes},
                             {"macs", dim_json(e.macs)},
                             {"constant_bytes", e.constant_bytes},
                             {"peak_activation_bytes", bytes_json(e.peak_bytes)}});
  return out;
}

std::string cell(const json& v) {
  if (v.is_null()) return "open";
  const std::string text = v.is_string() ? v.get<std::string>() : v.dump();
  return text.size() > 16 ? "open" : text;
}

std::string row(std::string_view name, const json& v) {
  return fmt::format("{:<30} {:>8} {:>16} {:>16} {:>16}\n", name, cell(v["nodes"]), cell(v["macs"]),
                     cell(v["constant_bytes"]), cell(v["peak_activation_bytes"]));
}

std::string report_text(const json& report) {
  std::string out = fmt::format("{:<30} {:>8} {:>16} {:>16} {:>16}\n", "", "nodes", "MACs",
                                "constant bytes", "peak bytes");
  out += row("before", report["before"]);
  for (const json& pass : report["passes"])
    if (pass["changed"] != 0) out += row("  " + pass["name"].get<std::string>(), pass);
  return out + row("after", report["after"]);
}

Status OptimizeVerb::run() const {
  ASSIGN(const PassLists chosen, choose_passes(passes));
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(Graph graph, model.lower(loaded));
  // What the opset has is what passes may bring back.
  if (opset && *opset > graph.opsets[""]) graph.opsets[""] = *opset;
  ASSIGN(PassReport report, run_passes(std::move(graph), chosen));
  TRY(verify(report.graph));
  if (!output.empty()) {
    ASSIGN(const onnx::Model written, onnx::to_model(report.graph, {opset, false}));
    TRY(onnx::write_file(written, output));
  }
  if (!text.empty()) {
    TextOptions how;
    how.full = full;
    const std::string out = to_text(report.graph, how);
    TRY(write_file(text, out));
  }
  const json facts = report_json(report);
  return print(as_json ? facts.dump(2) + "\n" : report_text(facts));
}

}  // namespace

void add_optimize(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("optimize", "Make a model smaller and faster, exactly");
  auto self = std::make_shared<OptimizeVerb>();
  self->model.add_to(*verb);
  verb->add_option("-o,--output", self->output, "The .onnx file to write");
  verb->add_option("--opset", self->opset,
                   "Opset to write for; raised to what the model needs. From 23 on attention is "
                   "written as one operator");
  verb->add_option("--text", self->text, "Write the optimized graph in its text form");
  verb->add_flag("--full", self->full, "In the text, print every element of every constant");
  verb->add_option("--passes", self->passes,
                   "'all', 'target' (all, then the compiler's own: to look at with --text), or the "
                   "name of one pass")
      ->capture_default_str();
  verb->add_flag("--json", self->as_json, "Print one JSON object");
  std::string footer = "Passes:\n";
  for (const Pass& pass : portable_passes())
    footer += fmt::format("  {:<30} {}\n", pass.name, pass.summary);
  footer += "The compiler's own:\n";
  for (const Pass& pass : target_passes())
    footer += fmt::format("  {:<30} {}\n", pass.name, pass.summary);
  verb->footer(footer + "Example: gossamer optimize model.onnx -o smaller.onnx");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
