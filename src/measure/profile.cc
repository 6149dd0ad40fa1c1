// Medians of steps over profiled runs.
#include "measure/profile.h"

#include <algorithm>
#include <map>
#include <utility>

#include "measure/bench.h"

namespace gossamer::measure {
namespace {

constexpr std::size_t kMostRuns = 1000;

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Sums a step's executions within each run.
class Collector {
 public:
  void add_run(const std::vector<runtime::StepTime>& times) {
    for (const runtime::StepTime& t : times) {
      const auto [found, added] = index_.emplace(std::pair(t.step, t.depth), rows_.size());
      if (added) rows_.emplace_back();
      Row& row = rows_[found->second];
      if (row.last_run != runs_ || row.in_run.empty()) {
        row.in_run.push_back(0);
        row.first_start = std::min(row.first_start, static_cast<double>(t.start_ns));
        row.last_run = runs_;
      }
      row.in_run.back() += static_cast<double>(t.ns);
      row.profile.step = t.step;
      row.profile.depth = t.depth;
      row.profile.parts = t.parts;
      row.profile.calls += 1;
      row.profile.flops += t.flops;
      row.profile.bytes += t.bytes;
    }
    ++runs_;
  }

  std::vector<StepProfile> finish() {
    std::stable_sort(rows_.begin(), rows_.end(),
                     [](const Row& a, const Row& b) { return a.first_start < b.first_start; });
    std::vector<StepProfile> out;
    for (Row& row : rows_) {
      const auto runs = static_cast<double>(runs_);
      row.profile.calls /= runs;
      row.profile.flops /= runs;
      row.profile.bytes /= runs;
      row.profile.ns = median(std::move(row.in_run));
      out.push_back(row.profile);
    }
    return out;
  }

 private:
  struct Row {
    StepProfile profile;
    std::vector<double> in_run;  // nanoseconds, one a run that executed it
    std::size_t last_run = 0;
    double first_start = 1e300;
  };
  std::map<std::pair<const runtime::Step*, int>, std::size_t> index_;
  std::vector<Row> rows_;
  std::size_t runs_ = 0;
};

double total(const std::vector<StepProfile>& steps, double StepProfile::* what) {
  double sum = 0;
  for (const StepProfile& s : steps) sum += s.*what;
  return sum;
}

}  // namespace

double Profile::total_flops() const { return total(steps, &StepProfile::flops); }
double Profile::total_bytes() const { return total(steps, &StepProfile::bytes); }

Result<Profile> profile(runtime::Session& session, std::span<const Value> inputs, double seconds,
                        const std::atomic<bool>* cancelled) {
  Profile out;
  Collector collector;
  runtime::RunOptions options;
  options.cancelled = cancelled;
  options.profile = &out.last_run;
  std::vector<double> runs;
  const double end = now_ms() + seconds * 1000;
  while (runs.size() < 3 || (runs.size() < kMostRuns && now_ms() < end)) {
    const double begin = now_ms();
    TRY(session.run(inputs, options).status());
    runs.push_back((now_ms() - begin) * 1e6);
    collector.add_run(out.last_run);
  }
  out.steps = collector.finish();
  out.runs = static_cast<int>(runs.size());
  out.run_ns = median(std::move(runs));
  return out;
}

}  // namespace gossamer::measure
