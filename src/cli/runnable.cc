// Opening sessions on graphs and packages.
#include "cli/runnable.h"

#include <sys/stat.h>

#include <algorithm>

#include "cli/program_cache.h"
#include "compile/compile.h"
#include "fmt/format.h"
#include "package/package.h"

namespace gossamer::cli {

void RunnableOptions::add_to(CLI::App& app) {
  app.add_option("--threads", threads, "Threads to use; 0: as many as this process may")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option(
         "--precision", precision,
         "exact (the default): single precision throughout; fast: may round more where that pays")
      ->check(CLI::IsMember({"exact", "fast"}));
  add_memory_cap(app, memory_cap);
  keys.add_to(app);
  app.add_option("--cache", cache,
                 "Folder where compiled .onnx models are kept and looked for; none by default");
}

void add_memory_cap(CLI::App& app, std::uint64_t& bytes) {
  app.add_option("--memory-cap", bytes,
                 "Refuse, before it runs, what needs more memory than this beside the weights: "
                 "bytes, or 64M, 1G")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50U));
}

Result<std::vector<Value>> Runnable::order(const std::map<std::string, Value>& feeds) const {
  std::vector<Value> values;
  for (const runtime::Port& port : program->inputs) {
    const auto found = feeds.find(port.name);
    const bool optional = port.type.starts_with("opt(");
    if (found == feeds.end() && !optional)
      return usage_error("input '" + port.name + "' is missing", "it expects " + port.type);
    Value value = found == feeds.end() ? Value::optional({}) : found->second;
    if (optional && value.kind != Value::Kind::optional)
      value = Value::optional({std::move(value)});
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::vector<onnx::NamedValue>> Runnable::run(const std::map<std::string, Value>& feeds,
                                                    const runtime::RunOptions& options) const {
  ASSIGN(const std::vector<Value> inputs, order(feeds));
  ASSIGN(std::vector<Value> results, session->run(inputs, options));
  std::vector<onnx::NamedValue> out;
  out.reserve(results.size());
  for (std::size_t i = 0; i < results.size(); ++i)
    out.push_back({program->outputs[i].name, std::move(results[i])});
  return out;
}

namespace {

Result<Runnable> open_program(std::shared_ptr<const runtime::Program> program,
                              const RunnableOptions& options) {
  Runnable r;
  r.program = program;
  runtime::SessionOptions session;
  session.threads = options.threads;
  if (options.memory_cap > 0) session.max_bytes = static_cast<std::int64_t>(options.memory_cap);
  ASSIGN(r.session, runtime::Session::open(std::move(program), session));
  return r;
}

}  // namespace

std::vector<std::string> input_names(const runtime::Program& program) {
  std::vector<std::string> names;
  names.reserve(program.inputs.size());
  for (const runtime::Port& port : program.inputs) names.push_back(port.name);
  return names;
}

Result<Runnable> open_package(const ModelOptions& model, const RunnableOptions& options) {
  TRY(model.refuse_details());
  ASSIGN(package::Package package, open_any_package(model.path, options.keys, options.threads));
  if (package.precision != options.precision && !options.precision.empty())
    return usage_error("the package was compiled for precision '" + package.precision + "', not '" +
                           options.precision + "'",
                       "leave --precision out, or compile the model for that precision");
  return open_program(std::move(package.program), options);
}

namespace {

// What a compiled model depends on beside its file; nothing when it cannot be kept.
std::optional<std::vector<std::string>> cache_options(const ModelOptions& model,
                                                      const onnx::Model& loaded,
                                                      const std::map<std::string, Value>& feeds,
                                                      const RunnableOptions& options) {
  if (!model.binds.empty()) return std::nullopt;
  std::vector<std::string> out = {options.precision};
  for (const std::filesystem::path& file : loaded.external_files) {
    // Told apart by time and size: these may be large.
    struct stat info{};
    if (::stat(file.c_str(), &info) != 0) return std::nullopt;
    out.push_back(fmt::format("{} {} {}.{:09} {}", file.string(), info.st_size, info.st_mtim.tv_sec,
                              info.st_mtim.tv_nsec, info.st_ino));
  }
  for (const auto* list : {&model.shapes, &model.dims})
    for (const std::string& text : *list) out.push_back("option " + text);
  for (const auto& [name, value] : feeds) {
    if (!value.is_tensor()) return std::nullopt;
    out.push_back(name + "=" + std::string(dtype_name(value.tensor.dtype())) +
                  value.tensor.shape().to_string());
  }
  return out;
}

// Whether the program would be the same for other values of the inputs, and for this file alone.
bool may_keep(const Graph& graph) {
  return std::none_of(graph.inputs.begin(), graph.inputs.end(),
                      [&](ValueId v) { return graph.value(v).constant.has_value(); });
}

}  // namespace

Result<Runnable> open_onnx(const ModelOptions& model, std::shared_ptr<const onnx::Model> loaded,
                           const std::map<std::string, Value>& feeds,
                           const RunnableOptions& options) {
  if (!loaded) {
    ASSIGN(loaded, model.load());
  }
  std::optional<ProgramCache> cache;
  if (!options.cache.empty())
    if (const auto key = cache_options(model, *loaded, feeds, options)) {
      ASSIGN(cache, ProgramCache::open(options.cache, model.path, *key));
      if (auto program = cache->find()) return open_program(std::move(program), options);
    }
  ASSIGN(const onnx::LowerOptions lower, model.lower_options(*loaded));
  ASSIGN(Graph graph, onnx::lower_for(loaded, feeds, lower));
  loaded.reset();  // what is packed is not kept twice
  const bool keep = cache && may_keep(graph);
  ASSIGN(Runnable ready, open_graph(std::move(graph), options));
  if (keep) cache->keep(*ready.program, options.precision.empty() ? "exact" : options.precision);
  return ready;
}

Result<Runnable> open_graph(Graph graph, const RunnableOptions& options) {
  compile::CompileOptions compiling;
  compiling.fast = options.precision == "fast";
  ASSIGN(runtime::Program program, compile::compile(std::move(graph), compiling));
  return open_program(std::make_shared<const runtime::Program>(std::move(program)), options);
}

}  // namespace gossamer::cli
