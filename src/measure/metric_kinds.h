// What the kinds of metrics share.
#pragma once

#include "measure/metric.h"

namespace gossamer::measure {

// An output as rows of scores, one behind the other.
struct Scores {
  std::vector<double> numbers;
  std::size_t classes = 1;
};

// The axis along which an output of that rank counts classes: the last one, of pictures 1.
int class_axis(int rank);
Scores rows_of(const Shape& shape, std::vector<double> numbers);
double cosine_of(std::span<const double> a, std::span<const double> b);

// A metric that is a sum of parts over a sum of wholes, a share a sample.
class ShareMetric : public Metric {
 public:
  ShareMetric(std::string name, const MetricTask& task, bool judges_both)
      : name_(std::move(name)), task_(task), judges_both_(judges_both) {}
  Result<MetricResult> finish() override;

 protected:
  // Adds to what the sample brought so far.
  void note(std::size_t sample, Share a, Share b);
  // The judged output. Fails with usage when it is no tensor of numbers.
  Result<Scores> scores_of(std::span<const Value> values) const;
  const std::string& output_name() const { return task_.outputs[task_.output].name; }
  const MetricTask& task() const { return task_; }

 private:
  std::string name_;
  MetricTask task_;
  bool judges_both_;  // a's answers by labels, too
  std::vector<Share> a_, b_;
};

Result<std::unique_ptr<Metric>> make_ctc_metric(const std::string& file, const MetricTask& task);
Result<std::unique_ptr<Metric>> make_recall_metric(const std::string& name, std::int64_t k,
                                                   const MetricTask& task);
Result<std::unique_ptr<Metric>> make_command_metric(const std::string& command,
                                                    const MetricTask& task);

}  // namespace gossamer::measure
