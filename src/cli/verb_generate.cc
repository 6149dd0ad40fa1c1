// gossamer generate: writes random graphs as models with inputs and the reference's answers, for
// tests. The verb stands in no help.
#include <filesystem>

#include "base/atomic_file.h"
#include "base/npy.h"
#include "cli/verb.h"
#include "generate/generate.h"
#include "graph/text.h"
#include "onnx/writer.h"

namespace gossamer::cli {
namespace {

namespace fs = std::filesystem;

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return io_error("cannot make folder '" + folder.string() + "': " + error.message());
  return {};
}

Status write_text(const fs::path& path, std::string_view text) {
  ASSIGN(AtomicFile file, AtomicFile::create(path.string()));
  TRY(file.write(text));
  return file.commit();
}

Status write_values(const fs::path& folder, std::string_view what, std::span<const Value> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = std::string(what) + "_" + std::to_string(i) + ".npy";
    TRY(write_npy((folder / name).string(), values[i].tensor));
  }
  return {};
}

struct GenerateVerb {
  std::uint64_t seed = 0;
  int count = 1;
  std::string output_dir;
  GenerateOptions options;

  Status run() const {
    for (int i = 0; i < count; ++i) {
      const std::uint64_t s = seed + static_cast<std::uint64_t>(i);
      Status status = write_one(s);
      if (!status.ok()) return std::move(status).in("seed " + std::to_string(s));
    }
    return {};
  }

  // <output_dir>/<seed>: model.onnx, model.txt, case.json, test_data_set_0.
  Status write_one(std::uint64_t s) const {
    if (g_interrupted) return Status(Code::interrupted, "interrupted");
    ASSIGN(const RandomCase made, random_case(s, options));
    const fs::path folder = fs::path(output_dir) / std::to_string(s);
    const fs::path data = folder / "test_data_set_0";
    TRY(make_folder(data));
    TRY(write_text(folder / "model.txt", to_text(made.graph, {.full = true})));
    TRY(onnx::write_model(made.graph, folder / "model.onnx"));
    TRY(write_values(data, "input", made.inputs));
    TRY(write_values(data, "output", made.outputs));
    const Tolerance t = random_tolerance(made.graph);
    return write_text(folder / "case.json", "{\"rtol\": " + std::to_string(t.rtol) +
                                                ", \"atol\": " + std::to_string(t.atol) + "}\n");
  }
};

}  // namespace

void add_generate(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("generate", "Write random graphs with their answers");
  verb->group("");
  auto self = std::make_shared<GenerateVerb>();
  // All but bfloat16, which many operators of the standard do not take, nor .npy files hold.
  self->options.dtypes = {DType::f32, DType::f64, DType::f16, DType::boolean,
                          DType::i64, DType::i32, DType::i8,  DType::u8,
                          DType::u32, DType::u64, DType::i16, DType::u16};
  verb->add_option("--seed", self->seed, "Seed of the first graph");
  verb->add_option("--count", self->count, "How many graphs, of consecutive seeds");
  verb->add_option("--max-nodes", self->options.max_nodes, "Nodes of a graph, at most");
  verb->add_option("--primitive", self->options.primitives, "Make nodes of these only");
  verb->add_option("--output-dir", self->output_dir, "Where to write a folder for each seed")
      ->required();
  verb->footer("Example: gossamer generate --seed 1 --count 10 --output-dir graphs");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
