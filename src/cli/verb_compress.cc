// gossamer compress: applies a recipe to a model and writes what comes out as ONNX.
#include "base/atomic_file.h"
#include "cli/compress_report.h"
#include "cli/verb.h"
#include "compress/compress.h"
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
  std::string report;  // a file
  bool as_json = false;

  Status run() const;
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
  if (!report.empty() || !judge.metrics.empty()) {
    ASSIGN(reporter, CompressReport::open(task, samples, parsed.samples));
  }
  ASSIGN(const compress::Compressed out,
         compress::compress(graph, parsed, given ? &*given : nullptr, options));
  onnx::WriteOptions write;
  write.opset = opset;
  write.source = loaded.get();
  TRY(onnx::write_model(out.graph, output, write));
  json told = {{"output", output},
               {"samples", given ? json(given->size()) : json(nullptr)},
               {"before", cost_json(out.before)},
               {"after", cost_json(out.after)},
               {"notes", out.notes},
               {"recipe", parsed.text}};
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
