// The text that a recognizer of lines spells, against labels or another model's text.
#include <algorithm>

#include "base/mapped_file.h"
#include "base/utf8.h"
#include "measure/metric_kinds.h"

namespace gossamer::measure {
namespace {

// Edits that turn one text into the other: insertions, deletions, substitutions.
std::size_t edits(const std::u32string& a, const std::u32string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

class CtcMetric : public ShareMetric {
 public:
  CtcMetric(const MetricTask& task, std::vector<std::u32string> characters, bool labels)
      : ShareMetric("ctc", task, labels), characters_(std::move(characters)), labels_(labels) {}

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    ASSIGN(const std::u32string of_a, text_of(a));
    ASSIGN(const std::u32string of_b, text_of(b));
    if (!labels_) {
      note(sample, {}, share(of_a, of_b));
      return {};
    }
    const auto truth = utf8_to_utf32(*task().labels[sample]);
    if (!truth) return usage_error("a label is not UTF-8");
    note(sample, share(*truth, of_a), share(*truth, of_b));
    return {};
  }

 private:
  // Characters that are right; never fewer than none.
  static Share share(const std::u32string& truth, const std::u32string& text) {
    const std::size_t length = std::max<std::size_t>(truth.size(), 1);
    const std::size_t wrong = std::min(edits(truth, text), length);
    return {static_cast<double>(length - wrong), static_cast<double>(length)};
  }

  // The greatest score at each place, repetitions merged, blanks left out.
  Result<std::u32string> text_of(std::span<const Value> values) const {
    ASSIGN(const Scores s, scores_of(values));
    if (s.classes > characters_.size() + 2)
      return usage_error("output '" + output_name() + "' has " + std::to_string(s.classes) +
                         " classes, the file of characters " + std::to_string(characters_.size()));
    std::u32string out;
    std::size_t before = 0;
    for (std::size_t first = 0; first < s.numbers.size(); first += s.classes) {
      const auto row = std::span(s.numbers).subspan(first, s.classes);
      const auto best =
          static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
      if (best != 0 && best != before)
        out += best <= characters_.size() ? characters_[best - 1] : U" ";
      before = best;
    }
    return out;
  }

  std::vector<std::u32string> characters_;
  bool labels_;
};

}  // namespace

Result<std::unique_ptr<Metric>> make_ctc_metric(const std::string& file, const MetricTask& task) {
  const MetricTask::Output& o = task.outputs[task.output];
  ASSIGN(const MappedFile mapped, MappedFile::open(file));
  std::vector<std::u32string> characters;
  std::string_view text = mapped.text();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto one = utf8_to_utf32(line);
    if (!one) return usage_error(file + " is not UTF-8");
    characters.push_back(*std::move(one));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (o.extents) {
    const auto rank = static_cast<int>(o.extents->size());
    const std::int64_t classes = rank == 0 ? 1 : o.extents->back();
    const auto known = static_cast<std::int64_t>(characters.size());
    if (rank < 2 || rank > 3 ||
        (classes >= 0 && classes != known + 1 && classes != known + 2))  // blank, space
      return usage_error("output '" + o.name + "' does not spell the " + std::to_string(known) +
                             " characters of " + file,
                         "ctc wants places x (1 + characters), perhaps one more for the space");
  }
  const bool labels = std::all_of(task.labels.begin(), task.labels.end(),
                                  [](const auto& label) { return label.has_value(); });
  return std::unique_ptr<Metric>(
      std::make_unique<CtcMetric>(task, std::move(characters), labels && !task.labels.empty()));
}

}  // namespace gossamer::measure
