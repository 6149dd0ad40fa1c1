// gossamer bench: how long a model takes to load and to run, and how much memory.
#include <random>

#include "base/npy.h"
#include "cli/runnable.h"
#include "fmt/format.h"
#include "measure/bench.h"
#include "nlohmann/json.hpp"
#include "package/package.h"

namespace gossamer::cli {
namespace {

struct BenchVerb {
  ModelOptions model;
  RunnableOptions runnable;
  std::vector<std::string> inputs;
  double seconds = 2;
  bool json = false;

  Status run() const;
  Result<struct Loaded> load_package() const;
  Result<struct Loaded> load_onnx() const;
};

// Standard normal numbers for floats, zeros for the rest.
Result<Tensor> made_up(DType dtype, const Shape& shape) {
  ASSIGN(Tensor t, Tensor::make(dtype, shape));
  if (dtype != DType::f32) return t;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& x : t.mutable_values<float>()) x = normal(generator);
  return t;
}

// Inputs by --input; made up where the model and --shape say how large they are.
Result<std::map<std::string, Value>> feeds_for(const onnx::Model& model,
                                               const onnx::LowerOptions& options,
                                               const std::vector<std::string>& assignments) {
  ASSIGN(auto feeds, read_npy_inputs(assignments, input_names(model)));
  for (const onnx::ValueInfo* info : onnx::free_inputs(model)) {
    if (feeds.contains(info->name) || info->type.kind != onnx::Type::Kind::tensor) continue;
    Shape shape;
    if (const auto given = options.shapes.find(info->name); given != options.shapes.end()) {
      shape = given->second;
    } else {
      if (!info->type.shape)
        return usage_error("input '" + info->name + "' has no shape",
                           "give one with --input or --shape");
      for (const onnx::Dimension& d : *info->type.shape) {
        const auto dim = options.dims.find(d.param);
        if (!d.value && dim == options.dims.end())
          return usage_error(
              "input '" + info->name + "' " + onnx::to_text(info->type) + " has open extents",
              "give it with --input NAME=FILE.npy or fix them with --shape or --dim");
        shape.dims().push_back(d.value ? *d.value : dim->second);
      }
    }
    ASSIGN(Tensor t, made_up(info->type.dtype, shape));
    feeds.emplace(info->name, Value(std::move(t)));
  }
  return feeds;
}

// Inputs of a package by --input; made up where their extents are settled.
Result<std::map<std::string, Value>> feeds_for(const runtime::Program& program,
                                               const std::vector<std::string>& assignments) {
  ASSIGN(auto feeds, read_npy_inputs(assignments, input_names(program)));
  for (const runtime::Port& port : program.inputs) {
    if (feeds.contains(port.name) || port.slot == runtime::kNoSlot) continue;
    const Shape shape(port.extents);
    if (!port.is_tensor || !shape.checked_count())
      return usage_error("input '" + port.name + "' " + port.type + " has open extents",
                         "give it with --input NAME=FILE.npy");
    ASSIGN(Tensor t, made_up(program.slots[static_cast<std::size_t>(port.slot)].dtype, shape));
    feeds.emplace(port.name, Value(std::move(t)));
  }
  return feeds;
}

// A model that has been loaded, with inputs for it and the milliseconds that loading took.
struct Loaded {
  Runnable ready;
  std::map<std::string, Value> feeds;
  double load = 0;
};

Result<Loaded> BenchVerb::load_package() const {
  Loaded out;
  const double begin = measure::now_ms();
  ASSIGN(out.ready, open_package(model, runnable));
  out.load = measure::now_ms() - begin;
  ASSIGN(out.feeds, feeds_for(*out.ready.program, inputs));
  return out;
}

// What a user would wait for: reading, understanding and compiling, for inputs of these shapes.
Result<Loaded> BenchVerb::load_onnx() const {
  Loaded out;
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  ASSIGN(const onnx::LowerOptions options, model.lower_options(*loaded));
  ASSIGN(out.feeds, feeds_for(*loaded, options, inputs));
  loaded.reset();
  const double begin = measure::now_ms();
  ASSIGN(loaded, model.load());
  ASSIGN(const Graph graph, onnx::lower_for(loaded, out.feeds, options));
  ASSIGN(out.ready, open_graph(graph, runnable));
  out.load = measure::now_ms() - begin;
  return out;
}

Status BenchVerb::run() const {
  const std::int64_t resident = measure::resident_bytes();
  ASSIGN(const Loaded loaded, package::is_package(model.path) ? load_package() : load_onnx());
  ASSIGN(const std::vector<Value> values, loaded.ready.order(loaded.feeds));
  const runtime::Session& session = *loaded.ready.session;
  ASSIGN(const measure::BenchResult r,
         measure::bench(*loaded.ready.session, values, {seconds, &g_interrupted}));
  constexpr double kMega = 1e6;
  const double grown = static_cast<double>(measure::resident_bytes() - resident) / kMega;
  const double arena = static_cast<double>(session.arena_bytes()) / kMega;
  if (!json)
    return print(
        fmt::format("{}: load {:.2f} ms, first {:.2f} ms, median {:.3f} ms, p95 {:.3f} ms, {} "
                    "runs; memory +{:.1f} MB, arena {:.1f} MB\n",
                    model.path, loaded.load, r.first, r.median, r.p95, r.runs, grown, arena));
  const nlohmann::json row = {
      {"model", model.path},
      {"load_ms", loaded.load},
      {"first_ms", r.first},
      {"median_ms", r.median},
      {"p95_ms", r.p95},
      {"least_ms", r.least},
      {"runs", r.runs},
      {"rss_mb", grown},
      {"arena_mb", arena},
      {"isa", level_name(session.options().level)},
      {"threads", session.options().threads},
      {"precision", runnable.precision.empty() ? "exact" : runnable.precision}};
  return print(row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

void add_bench(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("bench", "Measure loading, latency and memory of a model");
  auto self = std::make_shared<BenchVerb>();
  self->model.add_to(*verb);
  self->runnable.add_to(*verb);
  verb->add_option("--input", self->inputs, "An input: NAME=FILE.npy; others are made up")
      ->take_all()
      ->expected(1);
  verb->add_option("--seconds", self->seconds, "How long to measure steady runs")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  verb->add_flag("--json", self->json, "Print one JSON object");
  verb->footer("Example: gossamer bench model.onnx --shape x=1x3x224x224 --threads 2");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
