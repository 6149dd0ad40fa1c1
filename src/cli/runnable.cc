// Opening sessions on graphs and packages.
#include "cli/runnable.h"

#include "compile/compile.h"
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
  ASSIGN(package::Package package, package::open(model.path));
  if (package.precision != options.precision && !options.precision.empty())
    return usage_error("the package was compiled for precision '" + package.precision + "', not '" +
                           options.precision + "'",
                       "leave --precision out, or compile the model for that precision");
  return open_program(std::move(package.program), options);
}

Result<Runnable> open_graph(const Graph& graph, const RunnableOptions& options) {
  compile::CompileOptions compiling;
  compiling.fast = options.precision == "fast";
  ASSIGN(runtime::Program program, compile::compile(graph, compiling));
  return open_program(std::make_shared<const runtime::Program>(std::move(program)), options);
}

}  // namespace gossamer::cli
