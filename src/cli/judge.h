// Judging one model by another on samples: what their outputs differ in, and metrics.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compress/runner.h"
#include "measure/difference.h"
#include "measure/metric.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {

// A model in the form that it runs in: a graph or a package.
struct Side {
  std::optional<Graph> graph;
  std::shared_ptr<const runtime::Program> program;

  std::vector<samples::Port> ports() const;
  std::vector<measure::MetricTask::Output> outputs() const;
};

struct JudgeOptions {
  std::vector<std::string> metrics;  // as measure::make_metric takes them
  std::string output;                // that metrics judge; empty: the first
  std::string classes;               // a file of names, one a line; empty: none

  // --metric, --output and --classes.
  void add_to(CLI::App& app);
};

struct OutputDifference {
  std::string name;
  std::string shape;  // of the last run, or why it was not compared
  bool compared = false;
  measure::Difference difference;
  measure::ClassDivergence classes;
};

struct Judgement {
  std::size_t samples = 0;
  std::vector<OutputDifference> outputs;  // of the names that both models have
  std::vector<measure::MetricResult> metrics;
};

// Two models and the metrics that are to judge them, ready to run.
class Judge {
 public:
  // `b` is judged by `a`. Everything that cannot work is refused here: metrics that do not fit the
  // outputs or the samples, models without a common output.
  static Result<Judge> open(const Side& a, const Side& b, const samples::Samples& samples,
                            const JudgeOptions& options);
  Result<Judgement> run(const Side& a, const Side& b, const samples::Samples& samples,
                        const compress::RunControl& control);

 private:
  std::vector<std::pair<std::size_t, std::size_t>> pairs_;  // outputs of a, of b
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<measure::Metric>> metrics_;
};

nlohmann::json difference_json(const measure::Difference& difference);
nlohmann::json output_json(const OutputDifference& output);
nlohmann::json figure_json(const measure::Figure& figure);
nlohmann::json metric_json(const measure::MetricResult& result);
std::string metric_text(const measure::MetricResult& result);
// "31.4 dB"; "exact" for infinitely many.
std::string decibels_text(double db);
nlohmann::json decibels_json(double db);  // null for an infinite one

}  // namespace gossamer::cli
