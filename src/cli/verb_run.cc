// gossamer run: feeds .npy files to a model and writes what it answers.
#include <filesystem>
#include <set>

#include "base/npy.h"
#include "cli/runnable.h"
#include "onnx/bind.h"
#include "package/package.h"

namespace gossamer::cli {
namespace {

struct RunVerb {
  ModelOptions model;
  std::vector<std::string> inputs, outputs;
  std::string output_dir;
  bool reference = false;
  std::uint64_t seed = 0;
  RunnableOptions runnable;

  Status run() const;
  Result<std::vector<onnx::NamedValue>> packaged() const;
  Result<std::vector<onnx::NamedValue>> compiled() const;
  Result<std::vector<onnx::NamedValue>> run_on(const Runnable& ready,
                                               const std::map<std::string, Value>& feeds) const;
};

// Characters that are unsafe in file names become '_'; a clash gets _2, _3 ...
std::string file_stem(const std::string& name, std::set<std::string>& taken) {
  std::string stem;
  for (char c : name) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
    stem += fine ? c : '_';
  }
  if (stem.empty() || stem[0] == '.') stem.insert(0, "_");
  std::string unique = stem;
  for (int n = 2; !taken.insert(unique).second; ++n) unique = stem + "_" + std::to_string(n);
  return unique;
}

Status write_value(const Value& value, const std::filesystem::path& stem) {
  if (value.is_tensor()) return write_npy(stem.string() + ".npy", value.tensor);
  if (value.kind == Value::Kind::optional)
    return value.list().empty() ? Status() : write_value(value.list()[0], stem);
  for (std::size_t i = 0; i < value.list().size(); ++i)
    TRY(write_value(value.list()[i], stem.string() + "." + std::to_string(i)));
  return {};
}

std::string describe(const Value& v) {
  if (v.is_tensor())
    return std::string(dtype_name(v.tensor.dtype())) + v.tensor.shape().to_string();
  return (v.kind == Value::Kind::sequence ? "sequence of " : "optional of ") +
         std::to_string(v.list().size());
}

Result<std::vector<onnx::NamedValue>> RunVerb::run_on(
    const Runnable& ready, const std::map<std::string, Value>& feeds) const {
  runtime::RunOptions run;
  run.cancelled = &g_interrupted;
  run.seed = seed;
  return ready.run(feeds, run);
}

Result<std::vector<onnx::NamedValue>> RunVerb::packaged() const {
  if (reference || !outputs.empty())
    return usage_error("a package runs compiled and gives its own outputs",
                       "use the .onnx with --reference or --output");
  ASSIGN(const Runnable ready, open_package(model, runnable));
  ASSIGN(const auto feeds, read_npy_inputs(inputs, input_names(*ready.program)));
  return run_on(ready, feeds);
}

Result<std::vector<onnx::NamedValue>> RunVerb::compiled() const {
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(onnx::LowerOptions options, model.lower_options(*loaded));
  options.outputs = outputs;
  ASSIGN(const auto feeds, read_npy_inputs(inputs, input_names(*loaded)));
  if (!reference && outputs.empty()) {
    ASSIGN(const Runnable ready, open_onnx(model, std::move(loaded), feeds, runnable));
    return run_on(ready, feeds);
  }
  ASSIGN(Graph graph, onnx::lower_for(loaded, feeds, std::move(options)));
  loaded.reset();
  if (reference) return onnx::run_graph(graph, feeds, {seed, &g_interrupted});
  ASSIGN(const Runnable ready, open_graph(std::move(graph), runnable));
  return run_on(ready, feeds);
}

Status RunVerb::run() const {
  ASSIGN(const auto results, package::is_package(model.path) ? packaged() : compiled());
  if (output_dir.empty()) {
    for (const onnx::NamedValue& r : results) TRY(print(r.name + ": " + describe(r.value) + "\n"));
    return {};
  }
  std::error_code error;
  std::filesystem::create_directories(output_dir, error);
  if (error) return io_error("cannot make folder '" + output_dir + "': " + error.message());
  std::set<std::string> taken;
  for (const onnx::NamedValue& r : results)
    TRY(write_value(r.value, std::filesystem::path(output_dir) / file_stem(r.name, taken)));
  return {};
}

}  // namespace

void add_run(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("run", "Run a model on .npy inputs and write its outputs");
  auto self = std::make_shared<RunVerb>();
  self->model.add_to(*verb);
  self->runnable.add_to(*verb);
  verb->add_option("--input", self->inputs, "An input: NAME=FILE.npy; once an input")
      ->take_all()
      ->expected(1);
  verb->add_option("--output-dir", self->output_dir,
                   "Folder for one NAME.npy an output; made if absent");
  verb->add_option("--output", self->outputs,
                   "Give this value of the graph instead of its outputs; may be repeated")
      ->take_all()
      ->expected(1);
  verb->add_flag("--reference", self->reference, "Use the plain scalar code of every primitive");
  verb->add_option("--seed", self->seed, "Seed of random operators");
  verb->footer("Example: gossamer run model.onnx --input x=image.npy --output-dir out");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
