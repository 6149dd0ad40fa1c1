// Runs two models side by side on samples and lets metrics look at their outputs.
#include "cli/judge.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "cli/verb.h"
#include "fmt/format.h"

namespace gossamer::cli {

using measure::MetricTask;
using nlohmann::json;

std::vector<samples::Port> Side::ports() const {
  return graph ? compress::ports_of(*graph) : compress::ports_of(*program);
}

std::vector<MetricTask::Output> Side::outputs() const {
  std::vector<MetricTask::Output> out;
  if (graph) {
    for (const ValueId v : graph->outputs) {
      const ValueInfo& info = graph->value(v);
      MetricTask::Output o{info.name, info.type.dtype, info.type.kind == Type::Kind::tensor, {}};
      if (o.is_tensor && info.type.ranked()) {
        o.extents.emplace();
        for (const Dim& d : *info.type.shape) o.extents->push_back(d.constant().value_or(-1));
      }
      out.push_back(std::move(o));
    }
    return out;
  }
  for (const runtime::Port& p : program->outputs) {
    const std::size_t bracket = std::min(p.type.find('['), p.type.size());
    const auto dtype = dtype_from_name(std::string_view(p.type).substr(0, bracket));
    MetricTask::Output o{p.name, dtype.value_or(DType::f32), p.is_tensor && dtype, {}};
    if (o.is_tensor && bracket < p.type.size()) o.extents = p.extents;
    out.push_back(std::move(o));
  }
  return out;
}

void JudgeOptions::add_to(CLI::App& app) {
  app.add_option("--metric", metrics,
                 "top1, topk:K, agreement, cosine, recall:K, mse, psnr, ctc:FILE or "
                 "command:COMMAND (docs/compare.md); may be repeated")
      ->take_all()
      ->expected(1);
  app.add_option("--judged-output", output, "The output that metrics judge; the first");
  app.add_option("--classes", classes, "Names of the classes in order, one a line, for labels");
}

namespace {

Result<std::vector<std::string>> read_lines(const std::string& path) {
  std::vector<std::string> out;
  if (path.empty()) return out;
  std::ifstream in(path);
  if (!in) return usage_error("cannot read " + path);
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    out.push_back(line);
  }
  return out;
}

std::string shape_text(const Value& v) {
  return v.is_tensor() ? std::string(dtype_name(v.tensor.dtype())) + v.tensor.shape().to_string()
                       : "no tensor";
}

void add(OutputDifference& d, const Value& a, const Value& b) {
  d.shape = shape_text(a);
  if (!a.is_tensor() || !b.is_tensor() || a.tensor.shape() != b.tensor.shape()) {
    d.shape += ", other model: " + shape_text(b);
    return;
  }
  const auto x = to_doubles(a.tensor), y = to_doubles(b.tensor);
  if (!x.ok() || !y.ok()) return;
  d.compared = true;
  d.difference.add(*x, *y);
  if (measure::is_class_like(a.tensor.shape()))
    d.classes.add(*x, *y, a.tensor.shape()[a.tensor.rank() - 1]);
}

}  // namespace

Result<Judge> Judge::open(const Side& a, const Side& b, const samples::Samples& samples,
                          const JudgeOptions& options) {
  Judge judge;
  const auto of_a = a.outputs(), of_b = b.outputs();
  MetricTask task;
  for (std::size_t i = 0; i < of_a.size(); ++i)
    for (std::size_t k = 0; k < of_b.size(); ++k)
      if (of_a[i].name == of_b[k].name) {
        judge.pairs_.emplace_back(i, k);
        judge.names_.push_back(of_a[i].name);
        task.outputs.push_back(of_a[i]);
      }
  if (judge.pairs_.empty())
    return usage_error("the two models have no output of the same name",
                       "compare a model with one that came from it");
  if (!options.output.empty()) {
    const auto found = std::find(judge.names_.begin(), judge.names_.end(), options.output);
    if (found == judge.names_.end())
      return usage_error("the models have no output '" + options.output + "' in common");
    task.output = static_cast<std::size_t>(found - judge.names_.begin());
  }
  for (std::size_t i = 0; i < samples.size(); ++i) task.labels.push_back(samples.label(i));
  ASSIGN(task.classes, read_lines(options.classes));
  for (const std::string& text : options.metrics) {
    ASSIGN(auto metric, measure::make_metric(text, task));
    judge.metrics_.push_back(std::move(metric));
  }
  // A sample that does not fit a model is found before anything is compiled.
  ASSIGN(const samples::Sample first, samples.read(0));
  for (const samples::Port& port : b.ports())
    if (!first.steps.empty() && !first.steps[0].contains(port.name))
      return usage_error("input '" + port.name + "' of the second model gets no value",
                         "the two models must have the same inputs");
  return judge;
}

Result<Judgement> Judge::run(const Side& a, const Side& b, const samples::Samples& samples,
                             const compress::RunControl& control) {
  const auto open = [&](const Side& side) {
    return side.graph ? compress::Runner::open(*side.graph, side.graph->outputs,
                                               samples.spec().carry, control)
                      : compress::Runner::open(side.program, samples.spec().carry, control);
  };
  std::vector<compress::Runner> runners;
  for (const Side* side : {&a, &b}) {
    ASSIGN(compress::Runner runner, open(*side));
    runners.push_back(std::move(runner));
  }
  Judgement out;
  out.samples = samples.size();
  for (const std::string& name : names_) out.outputs.push_back({name, {}, false, {}, {}});
  const compress::OnSteps look = [&](std::size_t sample,
                                     std::span<const std::vector<Value>> values) -> Status {
    std::vector<Value> x, y;
    for (const auto& [i, k] : pairs_) {
      x.push_back(values[0][i]);
      y.push_back(values[1][k]);
    }
    for (std::size_t i = 0; i < x.size(); ++i) add(out.outputs[i], x[i], y[i]);
    for (const auto& metric : metrics_) TRY(metric->add(sample, x, y));
    return {};
  };
  TRY(compress::run_together(runners, samples, samples.size(), control, look));
  for (const auto& metric : metrics_) {
    ASSIGN(measure::MetricResult r, metric->finish());
    out.metrics.push_back(std::move(r));
  }
  return out;
}

json difference_json(const measure::Difference& d) {
  return {{"snr_db", decibels_json(d.snr_db())},
          {"cosine", d.cosine()},
          {"kl", d.kl()},
          {"max_abs", d.max_abs()},
          {"numbers", d.count()},
          {"not_finite", d.not_finite()}};
}

json output_json(const OutputDifference& o) {
  json out = {{"name", o.name}, {"type", o.shape}, {"compared", o.compared}};
  if (!o.compared) return out;
  out.update(difference_json(o.difference));
  out.erase("kl");
  out["class_kl"] = o.classes.rows() > 0 ? json(o.classes.mean_kl()) : json(nullptr);
  return out;
}

json figure_json(const measure::Figure& f) {
  return {{"value", f.value}, {"low", f.low}, {"high", f.high}, {"n", f.n}};
}

json metric_json(const measure::MetricResult& r) {
  json out = {{"name", r.name}, {"higher_is_better", r.higher_is_better}, {"b", figure_json(r.b)}};
  out["a"] = r.a ? figure_json(*r.a) : json(nullptr);
  out["change"] = r.change ? figure_json(*r.change) : json(nullptr);
  return out;
}

std::string metric_text(const measure::MetricResult& r) {
  const auto text = [](const measure::Figure& f) {
    return f.low == f.high ? fmt::format("{:.4g}", f.value)
                           : fmt::format("{:.4g} [{:.4g}, {:.4g}]", f.value, f.low, f.high);
  };
  std::string out = r.name + ": ";
  if (r.a) out += text(*r.a) + " -> ";
  out += text(r.b);
  if (r.change) out += ", change " + text(*r.change);
  return out + fmt::format(", n {}", r.b.n);
}

std::string decibels_text(double db) {
  return std::isinf(db) ? (db > 0 ? "exact" : "lost") : fmt::format("{:.1f} dB", db);
}

json decibels_json(double db) { return std::isfinite(db) ? json(db) : json(nullptr); }

}  // namespace gossamer::cli
