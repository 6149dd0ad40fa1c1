// Judges and times a compressed model beside the one that it came from.
#include "cli/compress_report.h"

#include <filesystem>

#include "cli/runnable.h"
#include "cli/verb.h"
#include "compress/culprits.h"
#include "fmt/format.h"
#include "measure/bench.h"
#include "onnx/lower.h"
#include "passes/pass.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;

// A model ready to be timed.
struct Timed {
  Runnable ready;
  std::vector<Value> inputs;
  std::vector<runtime::Session*> sessions;
  std::optional<measure::Bench> bench;
};

Status start(Timed& timed, const Graph& graph, const samples::Feeds& feeds,
             const compress::RunControl& control) {
  RunnableOptions options;
  options.threads = control.threads;
  ASSIGN(timed.ready, open_graph(graph, options));
  ASSIGN(timed.inputs, timed.ready.order(feeds));
  timed.sessions = {timed.ready.session.get()};
  ASSIGN(timed.bench, measure::Bench::start(timed.sessions, timed.inputs, control.cancelled));
  return {};
}

// Both in turns, so that what else the machine does meets both alike.
Status time_both(const Graph& before, const Graph& after, const samples::Feeds& feeds,
                 const compress::RunControl& control, json& of_before, json& of_after) {
  Timed a, b;
  TRY(start(a, before, feeds, control));
  TRY(start(b, after, feeds, control));
  constexpr int kTurns = 10;
  constexpr double kSeconds = 0.1;
  for (int i = 0; i < kTurns; ++i) {
    TRY(a.bench->run_for(kSeconds, 2));
    TRY(b.bench->run_for(kSeconds, 2));
  }
  for (const auto& [timed, out] : {std::pair(&a, &of_before), std::pair(&b, &of_after)}) {
    (*out)["latency_ms"] = timed->bench->result().median;
    (*out)["planned_bytes"] = timed->ready.session->planned_bytes();
  }
  return {};
}

json cost_of_model(const Graph& graph, const std::string& path) {
  const GraphCost c = cost_of(graph);
  const auto macs = c.macs.constant();
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return {{"nodes", c.nodes},
          {"macs", macs ? json(*macs) : json(c.macs.to_string())},
          {"constant_bytes", c.constant_bytes},
          {"file_bytes", error ? json(nullptr) : json(bytes)}};
}

json layers_json(const compress::Culprits& c) {
  json out = json::array();
  for (const compress::LayerDifference& l : c.layers)
    out.push_back({{"name", l.name},
                   {"has_weights", l.has_weights},
                   {"own_snr_db", l.own ? decibels_json(l.own->snr_db()) : json(nullptr)},
                   {"input_snr_db", decibels_json(l.input_snr)},
                   {"output_snr_db", decibels_json(l.output_snr)}});
  return out;
}

std::string metric_text(const json& m) {
  const auto figure = [](const json& f) {
    return fmt::format("{:.4g} [{:.4g}, {:.4g}]", f["value"].get<double>(), f["low"].get<double>(),
                       f["high"].get<double>());
  };
  std::string out = m["name"].get<std::string>() + ": ";
  if (!m["a"].is_null()) out += figure(m["a"]) + " -> ";
  return out + figure(m["b"]) + fmt::format(", n {}\n", m["b"]["n"].get<std::int64_t>());
}

// All samples of the recipe but those that calibrate; nothing where none are left.
std::optional<samples::Samples> rest_of(const std::string& path, samples::SampleSpec spec,
                                        const std::vector<samples::Port>& ports) {
  if (!spec.count) return std::nullopt;
  spec.skip += *spec.count;
  spec.count.reset();
  Result<samples::Samples> rest = samples::Samples::open(path, std::move(spec), ports);
  return rest.ok() ? std::optional(std::move(rest).value()) : std::nullopt;
}

}  // namespace

Result<CompressReport> CompressReport::open(const ReportTask& task, const std::string& path,
                                            const samples::SampleSpec& spec) {
  CompressReport r;
  r.first_.graph = *task.graph;
  if (path.empty()) {
    if (task.judge.metrics.empty()) return r;
    return usage_error("metrics need samples", "give them with --samples");
  }
  r.samples_ = rest_of(path, spec, r.first_.ports());
  r.apart_ = r.samples_.has_value();
  if (!r.samples_) {
    ASSIGN(r.samples_, samples::Samples::open(path, spec, r.first_.ports()));
  }
  // The second model will have the outputs of the first.
  ASSIGN(r.judge_, Judge::open(r.first_, r.first_, *r.samples_, task.judge));
  return r;
}

Result<double> CompressReport::drop_of(const Graph& graph, const ReportTask& task) const {
  Side second;
  second.graph = graph;
  JudgeOptions first = task.judge;
  first.metrics.resize(1);
  ASSIGN(Judge judge, Judge::open(first_, second, *samples_, first));
  compress::RunControl quiet = task.control;
  quiet.progress = nullptr;
  ASSIGN(const Judgement judged, judge.run(first_, second, *samples_, quiet));
  const std::optional<double> drop = judged.metrics[0].drop();
  if (!drop)
    return usage_error("a drop of the metric " + judged.metrics[0].name + " means nothing",
                       "name another --metric first: agreement, cosine, mse ...");
  return *drop;
}

Result<json> CompressReport::run(const ReportTask& task, ProgressLine& progress) {
  Side second;
  ModelOptions model;
  model.path = task.after;
  ASSIGN(const auto loaded, model.load());
  ASSIGN(second.graph, model.lower(loaded));
  json before = cost_of_model(*first_.graph, task.before);
  json after = cost_of_model(*second.graph, task.after);
  json out = json::object();
  if (samples_) {
    progress.step("judging");
    ASSIGN(const Judgement judged, judge_->run(first_, second, *samples_, task.control));
    out["judged_samples"] = judged.samples;
    out["judged_apart"] = apart_;
    out["metrics"] = json::array();
    for (const measure::MetricResult& m : judged.metrics) out["metrics"].push_back(metric_json(m));
    out["outputs"] = json::array();
    for (const OutputDifference& o : judged.outputs) out["outputs"].push_back(output_json(o));
    progress.step("layers");
    compress::CulpritOptions options{task.control};
    options.mend = 0;
    if (task.layers) {
      ASSIGN(const compress::Culprits c,
             compress::find_culprits(*first_.graph, *second.graph, *samples_, options));
      out["layers"] = layers_json(c);
    }
    ASSIGN(const samples::Sample sample, samples_->read(0));
    TRY(time_both(*first_.graph, *second.graph, sample.steps.at(0), task.control, before, after));
  }
  out["before"] = std::move(before);
  out["after"] = std::move(after);
  return out;
}

std::string report_text(const json& report) {
  std::string out;
  const json &a = report["before"], &b = report["after"];
  const auto line = [&](const char* what, const char* key, double unit, const char* suffix) {
    if (!a.contains(key) || !a[key].is_number() || !b[key].is_number()) return;
    const double x = a[key].get<double>(), y = b[key].get<double>();
    out += fmt::format("{}: {:.2f} {} -> {:.2f} {} ({:.3f})\n", what, x / unit, suffix, y / unit,
                       suffix, x == 0 ? 1 : y / x);
  };
  constexpr double kMega = 1e6;
  line("file", "file_bytes", kMega, "MB");
  line("multiply-accumulates", "macs", kMega, "M");
  line("planned memory", "planned_bytes", kMega, "MB");
  line("latency", "latency_ms", 1, "ms");
  if (report.contains("outputs"))
    for (const json& o : report["outputs"])
      if (o["compared"].get<bool>())
        out += fmt::format(
            "output {}: SNR {}, cosine {:.6f}\n", o["name"].get<std::string>(),
            o["snr_db"].is_null() ? std::string("exact") : decibels_text(o["snr_db"].get<double>()),
            o["cosine"].get<double>());
  if (report.contains("metrics"))
    for (const json& m : report["metrics"]) out += metric_text(m);
  return out;
}

}  // namespace gossamer::cli
