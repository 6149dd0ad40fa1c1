// What compressing brought: size, work, memory, speed on this machine, metrics and layers, before
// and after.
#pragma once

#include <optional>
#include <string>

#include "cli/judge.h"
#include "cli/progress.h"

namespace gossamer::cli {

// Everything is known before the long work but for the second model.
struct ReportTask {
  std::string before, after;     // the files
  const Graph* graph = nullptr;  // of the first
  JudgeOptions judge;
  compress::RunControl control;
  bool layers = true;
};

class CompressReport {
 public:
  // `path` and `spec` are those of the samples that calibrate: what lies behind them judges, where
  // the recipe leaves some; else they judge themselves. Refuses metrics that cannot work.
  static Result<CompressReport> open(const ReportTask& task, const std::string& path,
                                     const samples::SampleSpec& spec);
  // What the first metric loses with this graph in the first model's place. Fails with usage when
  // that cannot be said of the metric.
  Result<double> drop_of(const Graph& graph, const ReportTask& task) const;
  // Reads the second file, judges it and times both in turns. Fails with what a run says.
  Result<nlohmann::json> run(const ReportTask& task, ProgressLine& progress);

 private:
  std::optional<samples::Samples> samples_;
  std::optional<Judge> judge_;
  bool apart_ = false;  // other samples than those that calibrate
  Side first_;
};

// The same for people.
std::string report_text(const nlohmann::json& report);

}  // namespace gossamer::cli
