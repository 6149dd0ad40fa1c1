// Metric: how good a model's answers are, by labels or by another model's answers.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "measure/interval.h"

namespace gossamer::measure {

// What is known before anything runs.
struct MetricTask {
  struct Output {
    std::string name;
    DType dtype = DType::f32;
    bool is_tensor = true;
    std::optional<std::vector<std::int64_t>> extents;  // -1: open; nothing: any rank
  };
  std::vector<Output> outputs;
  std::size_t output = 0;                          // the one that is judged
  std::vector<std::optional<std::string>> labels;  // one a sample
  std::vector<std::string> classes;                // names of classes in order; may be empty
};

struct MetricResult {
  std::string name;
  bool higher_is_better = true;
  std::optional<Figure> a;       // of the first model by labels; nothing: it is the yardstick
  Figure b;                      // of the second model
  std::optional<Figure> change;  // b - a, in pairs

  // How much worse b is: than a, else than answers equal to a's. Nothing where no number says that
  // (psnr).
  std::optional<double> drop() const;
};

class Metric {
 public:
  virtual ~Metric() = default;
  // One run of both models on a step of a sample; samples come in order. Fails with usage when the
  // outputs are not what the metric takes.
  virtual Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) = 0;
  virtual Result<MetricResult> finish() = 0;
};

// By text:
//   top1, topk:K      the label is the greatest score, among the K greatest (needs labels)
//   agreement         both models' greatest scores are of the same class; of one number: both lie
//                     on the same side of 0.5
//   cosine            mean cosine of the answers, vector by vector
//   recall:K          with labels: another sample of the same label is among the K nearest by
//                     cosine; without: how many of A's K nearest neighbors B has among its own
//   mse, psnr         squared error of B's numbers by A's; with the range of A's as peak, in dB
//   ctc:FILE          characters right in the text that the greatest scores spell (blank first,
//                     then a character a line of FILE, a space if one more is wanted), by labels
//                     or by A's text (Graves et al., 2006)
//   command:COMMAND   the number that the shell's COMMAND prints when it gets a folder of outputs,
//                     NUMBER_OUTPUT.npy, as its argument; smaller or greater may be better
// Fails with usage when the text is none of these, or the outputs or labels do not serve it.
Result<std::unique_ptr<Metric>> make_metric(const std::string& text, const MetricTask& task);

}  // namespace gossamer::measure
