// Whether what belongs together lies close together among the embeddings of all samples.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "measure/metric_kinds.h"

namespace gossamer::measure {
namespace {

constexpr std::size_t kMaxSamples = 20'000;

// Unit vectors, one a sample.
struct Embeddings {
  std::size_t size = 0;
  std::vector<float> numbers;

  std::span<const float> of(std::size_t i) const { return {&numbers[i * size], size}; }
};

class RecallMetric : public ShareMetric {
 public:
  RecallMetric(std::string name, std::int64_t k, const MetricTask& task, bool labels)
      : ShareMetric(std::move(name), task, labels), k_(k), labels_(labels) {}

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    TRY(keep(sample, a, a_));
    return keep(sample, b, b_);
  }

  Result<MetricResult> finish() override {
    const std::size_t n = b_.size == 0 ? 0 : b_.numbers.size() / b_.size;
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<std::size_t> of_a = nearest(a_, i, n), of_b = nearest(b_, i, n);
      if (!labels_) {
        Share share{0, static_cast<double>(of_a.size())};
        for (const std::size_t j : of_a)
          share.part += std::find(of_b.begin(), of_b.end(), j) != of_b.end() ? 1 : 0;
        note(i, {}, share);
      } else if (has_partner(i, n)) {
        note(i, {finds(i, of_a), 1}, {finds(i, of_b), 1});
      }
    }
    return ShareMetric::finish();
  }

 private:
  // The mean over all rows of the output, of length one.
  Status keep(std::size_t sample, std::span<const Value> values, Embeddings& to) {
    ASSIGN(const Scores s, scores_of(values));
    if (to.size == 0) to.size = s.classes;
    if (s.classes != to.size || s.numbers.empty())
      return usage_error("output '" + output_name() + "' has " + std::to_string(s.classes) +
                         " numbers a vector, on other samples " + std::to_string(to.size));
    if (to.numbers.size() > sample * to.size) return {};  // the first step of a sample counts
    std::vector<double> mean(to.size);
    for (std::size_t i = 0; i < s.numbers.size(); ++i) mean[i % to.size] += s.numbers[i];
    double length = 0;
    for (const double x : mean) length += x * x;
    length = length > 0 ? std::sqrt(length) : 1;
    for (const double x : mean) to.numbers.push_back(static_cast<float>(x / length));
    return {};
  }

  std::vector<std::size_t> nearest(const Embeddings& e, std::size_t i, std::size_t n) const {
    std::vector<std::size_t> others;
    std::vector<float> closeness(n);
    const auto own = e.of(i);
    for (std::size_t j = 0; j < n; ++j) {
      if (j == i) continue;
      const auto other = e.of(j);
      closeness[j] = std::inner_product(own.begin(), own.end(), other.begin(), 0.0F);
      others.push_back(j);
    }
    const auto k =
        static_cast<std::ptrdiff_t>(std::min(static_cast<std::size_t>(k_), others.size()));
    std::partial_sort(others.begin(), others.begin() + k, others.end(),
                      [&](std::size_t x, std::size_t y) {
                        return closeness[x] != closeness[y] ? closeness[x] > closeness[y] : x < y;
                      });
    others.resize(static_cast<std::size_t>(k));
    return others;
  }

  bool has_partner(std::size_t i, std::size_t n) const {
    for (std::size_t j = 0; j < n; ++j)
      if (j != i && task().labels[j] == task().labels[i]) return true;
    return false;
  }
  double finds(std::size_t i, const std::vector<std::size_t>& near) const {
    return std::any_of(near.begin(), near.end(),
                       [&](std::size_t j) { return task().labels[j] == task().labels[i]; })
               ? 1
               : 0;
  }

  std::int64_t k_;
  bool labels_;
  Embeddings a_, b_;
};

}  // namespace

Result<std::unique_ptr<Metric>> make_recall_metric(const std::string& name, std::int64_t k,
                                                   const MetricTask& task) {
  if (task.labels.size() > kMaxSamples)
    return limit_error("the metric " + name + " compares every sample with every other: " +
                           std::to_string(task.labels.size()) + " are more than " +
                           std::to_string(kMaxSamples),
                       "take fewer with 'count' in the recipe");
  if (task.labels.size() < 2)
    return usage_error("the metric " + name + " needs at least two samples");
  const bool labels = std::all_of(task.labels.begin(), task.labels.end(),
                                  [](const auto& label) { return label.has_value(); });
  if (labels) {
    std::vector<std::string> sorted;
    sorted.reserve(task.labels.size());
    for (const auto& label : task.labels) sorted.push_back(*label);
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end())
      return usage_error("the metric " + name + " needs samples of the same label, and no two are",
                         "leave the labels out to compare the models' neighbors");
  }
  return std::unique_ptr<Metric>(std::make_unique<RecallMetric>(name, k, task, labels));
}

}  // namespace gossamer::measure
