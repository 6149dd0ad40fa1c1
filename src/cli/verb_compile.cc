// gossamer compile: a model becomes a package that opens at once.
#include <filesystem>

#include "base/atomic_file.h"
#include "cli/memory_text.h"
#include "cli/runnable.h"
#include "cli/work_text.h"
#include "compile/compile.h"
#include "fmt/format.h"
#include "gossamer_version.h"
#include "nlohmann/json.hpp"
#include "package/package.h"
#include "runtime/plan_ahead.h"

namespace gossamer::cli {
namespace {

struct CompileVerb {
  ModelOptions model;
  std::string output;
  std::string precision = "exact", store = "fast";
  std::string svg;
  std::uint64_t memory_cap = 0;
  int threads = 0;
  bool json = false;

  Status run() const;
};

// Steps by kernels and by scalar code, regions included.
void count_steps(const runtime::Program& program, int& kernels, int& scalar) {
  for (const runtime::Step& s : program.steps) ++(s.operation->is_kernel() ? kernels : scalar);
  for (const runtime::Program& region : program.regions) count_steps(region, kernels, scalar);
}

Status CompileVerb::run() const {
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(const onnx::LowerOptions options, model.lower_options(*loaded));
  ASSIGN(Graph graph, model.lower(loaded));
  // What is bound is a constant now, and no input of the package.
  std::erase_if(graph.inputs,
                [&](ValueId v) { return options.bound.contains(graph.value(v).name); });
  loaded.reset();
  compile::CompileOptions compiling;
  compiling.fast = precision == "fast";
  compile::WorkReport work;
  ASSIGN(runtime::Program program, compile::compile(std::move(graph), compiling, &work));
  TRY(runtime::plan_ahead(program, threads));
  ASSIGN(const std::optional<MemoryReport> memory, memory_report(program, threads));
  TRY(check_cap(memory, static_cast<std::int64_t>(memory_cap)));
  package::WriteOptions write;
  write.precision = precision;
  write.producer = "gossamer " GOSSAMER_VERSION;
  write.store = store == "small" ? package::Store::small : package::Store::fast;
  TRY(package::write(program, output, write));
  int kernels = 0, scalar = 0;
  count_steps(program, kernels, scalar);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(output, error);
  if (!svg.empty() && memory) TRY(write_file(svg, memory_svg(*memory, model.path)));
  if (json) {
    nlohmann::json row = {
        {"output", output}, {"bytes", bytes}, {"kernel_steps", kernels}, {"scalar_steps", scalar}};
    row["scalar_work"] = work_json(work);
    row["memory"] = memory ? memory_json(*memory) : nlohmann::json(nullptr);
    return print(row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  note(fmt::format("{}: {} bytes, {} steps by kernels, {} by scalar code; work by scalar code: {}",
                   output, bytes, kernels, scalar, work_text(work_json(work))));
  return print(memory_text(memory));
}

}  // namespace

void add_compile(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("compile", "Compile a model into a .goss package");
  auto self = std::make_shared<CompileVerb>();
  self->model.add_to(*verb);
  verb->add_option("-o,--output", self->output, "The .goss file to write")->required();
  verb->add_option("--precision", self->precision,
                   "exact: single precision throughout; fast: may round more where that pays")
      ->check(CLI::IsMember({"exact", "fast"}))
      ->capture_default_str();
  verb->add_option("--store", self->store,
                   "fast: constants as they are used, mapped when it is opened; small: "
                   "entropy-coded, decoded when it is opened")
      ->check(CLI::IsMember({"fast", "small"}))
      ->capture_default_str();
  verb->add_option("--svg", self->svg, "Draw the plan of the memory into this file");
  verb->add_option("--threads", self->threads,
                   "Threads that the memory is planned for; 0: as many as this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  add_memory_cap(*verb, self->memory_cap);
  verb->add_flag("--json", self->json, "Print one JSON object");
  verb->footer("Example: gossamer compile model.onnx -o model.goss --shape x=1x3x224x224");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
