// gossamer compare: how far a model's answers lie from those of the one that it came from, and
// where inside they begin to.
#include "cli/judge.h"
#include "cli/progress.h"
#include "cli/verb.h"
#include "compress/culprits.h"
#include "compress/recipe.h"
#include "fmt/format.h"
#include "package/package.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;

struct CompareVerb {
  ModelOptions a, b;  // details are given once, for both
  std::string samples, recipe;
  JudgeOptions judge;
  bool no_layers = false, as_json = false;
  std::size_t layer_samples = 16, mend = 3, rows = 10;
  int threads = 0;

  Status run() const;
  Result<Side> open(const ModelOptions& model) const;
};

Result<Side> CompareVerb::open(const ModelOptions& model) const {
  Side side;
  if (package::is_package(model.path)) {
    ASSIGN(package::Package p, package::open(model.path));
    side.program = std::move(p.program);
    return side;
  }
  ModelOptions options = a;
  options.path = model.path;
  ASSIGN(const std::shared_ptr<const onnx::Model> loaded, options.load());
  ASSIGN(side.graph, options.lower(loaded));
  return side;
}

json culprits_json(const compress::Culprits& c) {
  json tensors = json::array(), layers = json::array();
  for (const compress::TensorDifference& t : c.tensors) {
    json one = {{"name", t.name}, {"dequantized", t.dequantized}};
    one.update(difference_json(t.difference));
    tensors.push_back(std::move(one));
  }
  for (const compress::LayerDifference& l : c.layers)
    layers.push_back(
        {{"name", l.name},
         {"result", l.result},
         {"has_weights", l.has_weights},
         {"input_snr_db", decibels_json(l.input_snr)},
         {"output_snr_db", decibels_json(l.output_snr)},
         {"own", l.own ? difference_json(*l.own) : json(nullptr)},
         {"mended_snr_db", l.mended_snr ? decibels_json(*l.mended_snr) : json(nullptr)}});
  return {{"samples", c.samples},
          {"output_snr_db", decibels_json(c.output_snr)},
          {"tensors", std::move(tensors)},
          {"layers", std::move(layers)},
          {"worst", c.worst ? json(c.layers[*c.worst].name) : json(nullptr)}};
}

std::string judgement_text(const Judgement& j) {
  std::string out;
  for (const OutputDifference& o : j.outputs) {
    out += fmt::format("output {} {}", o.name, o.shape);
    if (o.compared) {
      const measure::Difference& d = o.difference;
      out += fmt::format(": SNR {}, cosine {:.6f}, largest difference {:.4g}",
                         decibels_text(d.snr_db()), d.cosine(), d.max_abs());
      if (o.classes.rows() > 0) out += fmt::format(", KL {:.4g}", o.classes.mean_kl());
    } else {
      out += ": not compared";
    }
    out += "\n";
  }
  for (const measure::MetricResult& m : j.metrics) out += metric_text(m) + "\n";
  return out;
}

std::string culprits_text(const compress::Culprits& c, std::size_t rows) {
  std::string out;
  if (c.tensors.empty()) return "the models share no inner tensor by name\n";
  out += fmt::format("\n{:>8}  {:>9}  {:>9}  {}\n", "SNR", "KL", "cosine", "tensor");
  for (std::size_t i = 0; i < std::min(rows, c.tensors.size()); ++i) {
    const compress::TensorDifference& t = c.tensors[i];
    out += fmt::format("{:>8}  {:>9.4g}  {:>9.6f}  {}{}\n", decibels_text(t.difference.snr_db()),
                       t.difference.kl(), t.difference.cosine(), t.name,
                       t.dequantized ? " (dequantized)" : "");
  }
  out += fmt::format("\n{:>8}  {:>8}  {:>8}  {:>8}  {}\n", "own", "inputs", "result", "mended",
                     "layer");
  for (std::size_t i = 0; i < std::min(rows, c.layers.size()); ++i) {
    const compress::LayerDifference& l = c.layers[i];
    out += fmt::format("{:>8}  {:>8}  {:>8}  {:>8}  {}\n",
                       l.own ? decibels_text(l.own->snr_db()) : "-", decibels_text(l.input_snr),
                       decibels_text(l.output_snr),
                       l.mended_snr ? decibels_text(*l.mended_snr) : "-", l.name);
  }
  if (!c.worst) return out + "\nno layer adds noise of its own\n";
  const compress::LayerDifference& w = c.layers[*c.worst];
  out += fmt::format("\nthe answer goes wrong in layer {}", w.name);
  if (w.mended_snr)
    out += fmt::format(
        ": with that of the first model in its place, the outputs' SNR is {} instead of {}",
        decibels_text(*w.mended_snr), decibels_text(c.output_snr));
  return out + "\n";
}

Status CompareVerb::run() const {
  samples::SampleSpec spec;
  if (!recipe.empty()) {
    ASSIGN(spec, compress::read_sample_spec(recipe));
  }
  ASSIGN(const Side first, open(a));
  ASSIGN(const Side second, open(b));
  ASSIGN(const samples::Samples given, samples::Samples::open(samples, spec, first.ports()));
  ASSIGN(Judge ready, Judge::open(first, second, given, judge));
  ProgressLine progress;
  compress::RunControl control;
  control.cancelled = &g_interrupted;
  control.threads = threads;
  control.progress = [&](std::size_t done, std::size_t total) { progress.show(done, total); };
  progress.step("outputs");
  ASSIGN(const Judgement judged, ready.run(first, second, given, control));
  std::optional<compress::Culprits> culprits;
  if (!no_layers && first.graph && second.graph) {
    progress.step("layers");
    compress::CulpritOptions options{control, layer_samples, mend};
    ASSIGN(culprits, compress::find_culprits(*first.graph, *second.graph, given, options));
  } else if (!no_layers) {
    note("a package does not tell its inner tensors: compare .onnx files to see its layers");
  }
  if (!as_json)
    return print(judgement_text(judged) + (culprits ? culprits_text(*culprits, rows) : ""));
  json report = {{"a", a.path}, {"b", b.path}, {"samples", judged.samples}};
  report["outputs"] = json::array();
  for (const OutputDifference& o : judged.outputs) report["outputs"].push_back(output_json(o));
  report["metrics"] = json::array();
  for (const measure::MetricResult& m : judged.metrics) report["metrics"].push_back(metric_json(m));
  report["inside"] = culprits ? culprits_json(*culprits) : json(nullptr);
  return print(report.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace

void add_compare(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "compare", "Judge a model's answers by another's, and find where they begin to differ");
  auto self = std::make_shared<CompareVerb>();
  verb->add_option("A", self->a.path, "The model that is right, .onnx or .goss")->required();
  verb->add_option("B", self->b.path, "The model that came from it, .onnx or .goss")->required();
  self->a.add_details_to(*verb);
  verb->add_option("--samples", self->samples,
                   "Real inputs: a folder, a file, or a .txt that lists files")
      ->required();
  verb->add_option("--recipe", self->recipe,
                   "How samples are prepared: the samples of a recipe (docs/recipes.md)");
  self->judge.add_to(*verb);
  verb->add_flag("--no-layers", self->no_layers, "Compare outputs only");
  verb->add_option("--layer-samples", self->layer_samples,
                   "Samples on which layers are compared, at most")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  verb->add_option("--mend", self->mend,
                   "How many of the worst layers are tried in the second model's place")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  verb->add_option("--rows", self->rows, "Rows to print of each table; --json has all")
      ->capture_default_str();
  verb->add_option("--threads", self->threads, "Threads to use; 0: as many as this process may")
      ->check(CLI::Range(0, 1024));
  verb->add_flag("--json", self->as_json, "Print the comparison as JSON");
  verb->footer(
      "Example: gossamer compare model.onnx small.onnx --samples photos --recipe int8.yaml "
      "--metric agreement");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
