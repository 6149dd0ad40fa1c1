// gossamer compress: applies a recipe to a model and writes what comes out as ONNX.
#include "base/atomic_file.h"
#include "cli/compress_report.h"
#include "cli/verb.h"
#include "compress/compress.h"
#include "compress/repair.h"
#include "fmt/format.h"
#include "onnx/writer.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;

struct CompressVerb {
  ModelOptions model;
  std::string output, recipe, samples;
  std::optional<std::int64_t> opset;
  int threads = 0;
  JudgeOptions judge;
  std::optional<double> repair;  // the drop that is allowed
  std::string report;            // a file
  bool as_json = false;

  Status run() const;
  // By the recipe, or by what repairing made of it; `told` gets what was tried.
  Result<compress::Compressed> make(const Graph& graph, const compress::Recipe& parsed,
                                    const samples::Samples* given,
                                    const compress::CompressOptions& options,
                                    const std::optional<CompressReport>& reporter,
                                    const ReportTask& task, json& told) const;
};

json cost_json(const GraphCost& c) {
  const auto macs = c.macs.constant();
  return {{"nodes", c.nodes},
          {"macs", macs ? json(*macs) : json(c.macs.to_string())},
          {"constant_bytes", c.constant_bytes}};
}

std::string text_of(const json& report) {
  return report.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string short_text(const std::string& output, const compress::Compressed& out) {
  constexpr double kMega = 1e6;
  return fmt::format("{}: constants {:.2f} MB -> {:.2f} MB ({:.3f})\n", output,
                     static_cast<double>(out.before.constant_bytes) / kMega,
                     static_cast<double>(out.after.constant_bytes) / kMega,
                     static_cast<double>(out.after.constant_bytes) /
                         static_cast<double>(std::max<std::int64_t>(out.before.constant_bytes, 1)));
}

std::string repair_text(const compress::RepairTry& t) {
  const std::string layer = t.layer.empty() ? "all layers" : t.layer;
  return fmt::format("{} {}: {}, outputs' SNR {}", t.taken ? "took" : "tried", layer, t.change,
                     decibels_text(t.snr));
}

json repair_json(const compress::Repaired& r, double most) {
  json tries = json::array();
  for (const compress::RepairTry& t : r.tries)
    tries.push_back({{"layer", t.layer.empty() ? json(nullptr) : json(t.layer)},
                     {"change", t.change},
                     {"snr_db", decibels_json(t.snr)},
                     {"taken", t.taken}});
  return {{"most_drop", most},
          {"drop_before", r.drop_before},
          {"drop", r.drop},
          {"met", r.met},
          {"tries", std::move(tries)}};
}

Result<compress::Compressed> CompressVerb::make(const Graph& graph, const compress::Recipe& parsed,
                                                const samples::Samples* given,
                                                const compress::CompressOptions& options,
                                                const std::optional<CompressReport>& reporter,
                                                const ReportTask& task, json& told) const {
  if (!repair) return compress::compress(graph, parsed, given, options);
  compress::RepairOptions repairs;
  repairs.compress = options;
  repairs.most_drop = *repair;
  repairs.drop_of = [&](const Graph& made) { return reporter->drop_of(made, task); };
  ASSIGN(compress::Repaired r, compress::compress_and_repair(graph, parsed, *given, repairs));
  told["repair"] = repair_json(r, *repair);
  told["recipe"] = r.recipe;
  for (const compress::RepairTry& t : r.tries)
    if (t.taken) r.compressed.notes.push_back(repair_text(t));
  r.compressed.notes.push_back(fmt::format("the metric drops by {:.4g} instead of {:.4g}{}", r.drop,
                                           r.drop_before,
                                           r.met ? "" : ": more than what was asked for"));
  return std::move(r.compressed);
}

Status CompressVerb::run() const {
  ASSIGN(const compress::Recipe parsed, compress::read_recipe(recipe));
  ASSIGN(const std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(const Graph graph, model.lower(loaded));
  std::optional<samples::Samples> given;
  if (!samples.empty()) {
    ASSIGN(given, samples::Samples::open(samples, parsed.samples, compress::ports_of(graph)));
  }
  ProgressLine progress;
  compress::CompressOptions options;
  options.control.cancelled = &g_interrupted;
  options.control.threads = threads;
  options.control.progress = [&](std::size_t done, std::size_t total) {
    progress.show(done, total);
  };
  options.on_step = [&](const std::string& name) { progress.step(name); };
  ReportTask task{model.path, output, &graph, judge, options.control};
  std::optional<CompressReport> reporter;
  if (repair && (judge.metrics.empty() || !given))
    return usage_error("--repair needs a --metric and --samples",
                       "the metric's drop on the samples tells when the repairs are enough");
  if (!report.empty() || !judge.metrics.empty()) {
    ASSIGN(reporter, CompressReport::open(task, samples, parsed.samples));
  }
  json told = {{"recipe", parsed.text}};
  ASSIGN(const compress::Compressed out,
         make(graph, parsed, given ? &*given : nullptr, options, reporter, task, told));
  onnx::WriteOptions write;
  write.opset = opset;
  write.source = loaded.get();
  TRY(onnx::write_model(out.graph, output, write));
  told.update({{"output", output},
               {"samples", given ? json(given->size()) : json(nullptr)},
               {"before", cost_json(out.before)},
               {"after", cost_json(out.after)},
               {"notes", out.notes}});
  if (reporter) {
    ASSIGN(const json more, reporter->run(task, progress));
    told.update(more);
  }
  if (!report.empty()) TRY(write_file(report, text_of(told)));
  if (as_json) return print(text_of(told));
  for (const std::string& text : out.notes) note(text);
  return print(short_text(output, out) + (reporter ? report_text(told) : ""));
}

}  // namespace

void add_compress(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("compress", "Make a model smaller by a recipe");
  auto self = std::make_shared<CompressVerb>();
  self->model.add_to(*verb);
  verb->add_option("-o,--output", self->output, "The .onnx file to write")->required();
  verb->add_option("--recipe", self->recipe, "What to do, a YAML file (docs/recipes.md)")
      ->required();
  verb->add_option("--samples", self->samples,
                   "Real inputs: a folder, a file, or a .txt that lists files");
  self->judge.add_to(*verb);
  verb->add_option("--repair", self->repair,
                   "Change how the worst layers are quantized until the first metric drops by at "
                   "most this much (docs/recipes.md)")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--report", self->report,
                   "A JSON file that gets size, work, memory, latency on this machine, metrics and "
                   "layers, before and after");
  verb->add_option("--opset", self->opset, "Opset to write; the default is what the model needs");
  verb->add_option("--threads", self->threads, "Threads to use; 0: as many as this process may")
      ->check(CLI::Range(0, 1024));
  verb->add_flag("--json", self->as_json, "Print the report as JSON");
  verb->footer(
      "Example: gossamer compress model.onnx -o small.onnx --recipe int8.yaml --samples photos/");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
