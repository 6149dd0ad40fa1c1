// The metrics that look at one output, and which text means which.
#include "measure/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "measure/metric_kinds.h"

namespace gossamer::measure {
namespace {

// top1 and topk.
class TopMetric : public ShareMetric {
 public:
  TopMetric(std::string name, const MetricTask& task, std::vector<std::int64_t> truth,
            std::int64_t k)
      : ShareMetric(std::move(name), task, true), truth_(std::move(truth)), k_(k) {}

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    ASSIGN(const Share of_a, judge(sample, a));
    ASSIGN(const Share of_b, judge(sample, b));
    note(sample, of_a, of_b);
    return {};
  }

 private:
  Result<Share> judge(std::size_t sample, std::span<const Value> values) const {
    ASSIGN(const Scores s, scores_of(values));
    Share out;
    for (std::size_t first = 0; first < s.numbers.size(); first += s.classes) {
      const auto row = std::span(s.numbers).subspan(first, s.classes);
      const auto label = static_cast<std::size_t>(truth_[sample]);
      if (label >= row.size())
        return usage_error("label " + std::to_string(truth_[sample]) + " is of none of the " +
                           std::to_string(row.size()) + " classes of output '" + output_name() +
                           "'");
      const auto better =
          std::count_if(row.begin(), row.end(), [&](double x) { return x > row[label]; });
      out.part += better < k_ && !std::isnan(row[label]) ? 1 : 0;
      out.whole += 1;
    }
    return out;
  }

  std::vector<std::int64_t> truth_;
  std::int64_t k_;
};

class AgreementMetric : public ShareMetric {
 public:
  explicit AgreementMetric(const MetricTask& task) : ShareMetric("agreement", task, false) {}

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    ASSIGN(const Scores x, scores_of(a));
    ASSIGN(const Scores y, scores_of(b));
    if (x.numbers.size() != y.numbers.size() || x.classes != y.classes)
      return usage_error("output '" + output_name() + "' has other shapes in the two models");
    Share share;
    for (std::size_t first = 0; first < x.numbers.size(); first += x.classes) {
      share.part += decision(std::span(x.numbers).subspan(first, x.classes)) ==
                            decision(std::span(y.numbers).subspan(first, x.classes))
                        ? 1
                        : 0;
      share.whole += 1;
    }
    note(sample, {}, share);
    return {};
  }

 private:
  static std::ptrdiff_t decision(std::span<const double> row) {
    constexpr double kHalf = 0.5;
    if (row.size() == 1) return row[0] >= kHalf ? 1 : 0;
    return std::max_element(row.begin(), row.end()) - row.begin();
  }
};

class CosineMetric : public ShareMetric {
 public:
  explicit CosineMetric(const MetricTask& task) : ShareMetric("cosine", task, false) {}

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    ASSIGN(const Scores x, scores_of(a));
    ASSIGN(const Scores y, scores_of(b));
    if (x.numbers.size() != y.numbers.size() || x.classes != y.classes)
      return usage_error("output '" + output_name() + "' has other shapes in the two models");
    Share share;
    for (std::size_t first = 0; first < x.numbers.size(); first += x.classes) {
      share.part += cosine_of(std::span(x.numbers).subspan(first, x.classes),
                              std::span(y.numbers).subspan(first, x.classes));
      share.whole += 1;
    }
    note(sample, {}, share);
    return {};
  }
};

// mse and psnr.
class ErrorMetric : public ShareMetric {
 public:
  ErrorMetric(const MetricTask& task, bool decibels)
      : ShareMetric(decibels ? "psnr" : "mse", task, false), decibels_(decibels) {}

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    ASSIGN(const Scores x, scores_of(a));
    ASSIGN(const Scores y, scores_of(b));
    if (x.numbers.size() != y.numbers.size())
      return usage_error("output '" + output_name() + "' has other shapes in the two models");
    Share share;
    for (std::size_t i = 0; i < x.numbers.size(); ++i) {
      share.part += (x.numbers[i] - y.numbers[i]) * (x.numbers[i] - y.numbers[i]);
      low_ = std::min(low_, x.numbers[i]);
      high_ = std::max(high_, x.numbers[i]);
    }
    share.whole += static_cast<double>(x.numbers.size());
    note(sample, {}, share);
    return {};
  }

  Result<MetricResult> finish() override {
    ASSIGN(MetricResult r, ShareMetric::finish());
    r.higher_is_better = decibels_;
    if (!decibels_) return r;
    const double peak = std::max(high_ - low_, 0.0);
    const auto in_decibels = [&](double mse) {
      constexpr double kDecibel = 10, kMost = 200;  // stands for no error at all
      return mse == 0 ? kMost : kDecibel * std::log10(peak * peak / mse);
    };
    r.b = {in_decibels(r.b.value), in_decibels(r.b.high), in_decibels(r.b.low), r.b.n};
    return r;
  }

 private:
  bool decibels_;
  double low_ = 1e300, high_ = -1e300;
};

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || v < 0) return std::nullopt;
  return v;
}

// Labels as indices of classes.
Result<std::vector<std::int64_t>> truth_of(const MetricTask& task, const std::string& metric) {
  std::vector<std::int64_t> out;
  for (const auto& label : task.labels) {
    if (!label)
      return usage_error("the metric " + metric + " needs labels, and the samples have none",
                         "say in the recipe where they are (samples: {labels: folder}), or use "
                         "the metric agreement");
    const auto found = std::find(task.classes.begin(), task.classes.end(), *label);
    if (found != task.classes.end())
      out.push_back(found - task.classes.begin());
    else if (const auto number = whole_number(*label))
      out.push_back(*number);
    else
      return usage_error("the label '" + *label + "' is no number and no name of a class",
                         "give --classes FILE, the names of the classes in order, one a line");
  }
  return out;
}

// Refuses an output that is no tensor of numbers, or of a rank or width that a metric cannot take.
Status check_output(const MetricTask& task, const std::string& metric, bool scores) {
  const MetricTask::Output& o = task.outputs[task.output];
  if (!o.is_tensor || !(is_arithmetic_float(o.dtype) || is_arithmetic_integer(o.dtype)))
    return usage_error("the metric " + metric + " cannot judge output '" + o.name +
                           "', which is no tensor of numbers",
                       "choose another with --judged-output");
  if (!scores || !o.extents) return {};
  if (!is_arithmetic_float(o.dtype))
    return usage_error("the metric " + metric + " wants scores, and output '" + o.name + "' is " +
                           std::string(dtype_name(o.dtype)),
                       "choose another with --judged-output");
  if (o.extents->empty())
    return usage_error("the metric " + metric + " wants scores of classes, and output '" + o.name +
                           "' is a single number",
                       "choose another with --judged-output");
  return {};
}

// Refuses labels that are beyond the classes that an output is known to have.
Status check_range(const MetricTask& task, const std::vector<std::int64_t>& truth) {
  const auto& extents = task.outputs[task.output].extents;
  if (!extents || extents->empty()) return {};
  const std::int64_t classes = (*extents)[class_axis(static_cast<int>(extents->size()))];
  const std::int64_t most = truth.empty() ? 0 : *std::max_element(truth.begin(), truth.end());
  if (classes < 0 || most < classes) return {};
  return usage_error("label " + std::to_string(most) + " is of none of the " +
                     std::to_string(classes) + " classes of output '" +
                     task.outputs[task.output].name + "'");
}

Result<std::unique_ptr<Metric>> make_top(const std::string& text, const MetricTask& task,
                                         std::int64_t k) {
  TRY(check_output(task, text, true));
  ASSIGN(std::vector<std::int64_t> truth, truth_of(task, text));
  TRY(check_range(task, truth));
  return std::unique_ptr<Metric>(std::make_unique<TopMetric>(text, task, std::move(truth), k));
}

Result<std::int64_t> count_in(const std::string& text, std::string_view rest) {
  const auto k = whole_number(rest);
  if (!k || *k == 0)
    return usage_error("the metric '" + text + "' wants a number of at least 1 behind its colon");
  return *k;
}

}  // namespace

Result<std::unique_ptr<Metric>> make_metric(const std::string& text, const MetricTask& task) {
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (task.output >= task.outputs.size())
    return usage_error("a metric needs an output, and the model has none");
  if (text == "top1") return make_top(text, task, 1);
  if (name == "topk") {
    ASSIGN(const std::int64_t k, count_in(text, rest));
    return make_top(text, task, k);
  }
  if (name == "command") return make_command_metric(rest, task);
  const bool scores = text == "agreement" || text == "cosine" || name == "recall" || name == "ctc";
  if (!scores && text != "mse" && text != "psnr")
    return usage_error("there is no metric '" + text + "'",
                       "metrics are top1, topk:K, agreement, cosine, recall:K, mse, psnr, "
                       "ctc:FILE and command:COMMAND");
  TRY(check_output(task, text, scores));
  if (text == "agreement") return std::unique_ptr<Metric>(std::make_unique<AgreementMetric>(task));
  if (text == "cosine") return std::unique_ptr<Metric>(std::make_unique<CosineMetric>(task));
  if (text == "mse" || text == "psnr")
    return std::unique_ptr<Metric>(std::make_unique<ErrorMetric>(task, text == "psnr"));
  if (name == "ctc") return make_ctc_metric(rest, task);
  ASSIGN(const std::int64_t k, count_in(text, rest));
  return make_recall_metric(text, k, task);
}

// --- shared by the kinds ---

void ShareMetric::note(std::size_t sample, Share a, Share b) {
  if (b_.size() <= sample) {
    a_.resize(sample + 1);
    b_.resize(sample + 1);
  }
  a_[sample] = {a_[sample].part + a.part, a_[sample].whole + a.whole};
  b_[sample] = {b_[sample].part + b.part, b_[sample].whole + b.whole};
}

Result<MetricResult> ShareMetric::finish() {
  MetricResult r;
  r.name = name_;
  r.b = figure_of(b_);
  if (judges_both_) {
    r.a = figure_of(a_);
    r.change = paired_difference(a_, b_);
  }
  return r;
}

Result<Scores> ShareMetric::scores_of(std::span<const Value> values) const {
  const Value& v = values[task_.output];
  if (!v.is_tensor())
    return usage_error("the metric " + name_ + " cannot judge output '" + output_name() +
                       "', which is no tensor");
  ASSIGN(std::vector<double> numbers, to_doubles(v.tensor));
  return rows_of(v.tensor.shape(), std::move(numbers));
}

int class_axis(int rank) { return rank >= 4 ? 1 : std::max(rank - 1, 0); }

Scores rows_of(const Shape& shape, std::vector<double> numbers) {
  const int axis = class_axis(shape.rank());
  Scores out;
  out.classes = shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape[axis]);
  if (numbers.empty()) {
    out.classes = 1;
    return out;
  }
  std::size_t inner = 1;
  for (int d = axis + 1; d < shape.rank(); ++d) inner *= static_cast<std::size_t>(shape[d]);
  if (inner == 1) {
    out.numbers = std::move(numbers);
    return out;
  }
  out.numbers.resize(numbers.size());  // classes innermost
  const std::size_t block = out.classes * inner;
  for (std::size_t first = 0; first < numbers.size(); first += block)
    for (std::size_t c = 0; c < out.classes; ++c)
      for (std::size_t i = 0; i < inner; ++i)
        out.numbers[first + i * out.classes + c] = numbers[first + c * inner + i];
  return out;
}

std::optional<double> MetricResult::drop() const {
  if (name == "psnr") return std::nullopt;
  // Whether a command's greater number is the better one is not known.
  if (name.starts_with("command:")) return change ? std::abs(change->value) : 0;
  if (change) return higher_is_better ? -change->value : change->value;
  return higher_is_better ? 1 - b.value : b.value;
}

double cosine_of(std::span<const double> a, std::span<const double> b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  if (aa == 0 && bb == 0) return 1;
  return aa == 0 || bb == 0 ? 0 : dot / (std::sqrt(aa) * std::sqrt(bb));
}

}  // namespace gossamer::measure
