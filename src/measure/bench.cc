// Timed runs without allocation where outputs' extents are known.
#include "measure/bench.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace gossamer::measure {
namespace {

// One run after another; outputs of known extents go into memory of ours, so that nothing is
// allocated.
class Runner {
 public:
  Runner(runtime::Session& session, std::span<const Value> inputs, const BenchOptions& options)
      : session_(session), inputs_(inputs) {
    run_options_.cancelled = options.cancelled;
  }

  // The first run tells what the outputs are.
  Status first() {
    ASSIGN(std::vector<Value> results, session_.run(inputs_, run_options_));
    raw_ = std::all_of(inputs_.begin(), inputs_.end(), [](const Value& v) { return is_raw(v); }) &&
           std::all_of(results.begin(), results.end(), [](const Value& v) { return is_raw(v); });
    if (!raw_) return {};
    for (const Value& v : inputs_)
      raw_inputs_.push_back({v.tensor.dtype(), v.tensor.shape().dims(), v.tensor.data()});
    for (const Value& v : results) {
      memory_.emplace_back(v.tensor.byte_size() + 1);
      runtime::RawOutput out;
      out.data = memory_.back().data();
      out.capacity = static_cast<std::int64_t>(v.tensor.byte_size());
      raw_outputs_.push_back(out);
    }
    return {};
  }

  Status run() {
    if (raw_) return session_.run_into(raw_inputs_, raw_outputs_, run_options_);
    return session_.run(inputs_, run_options_).status();
  }

 private:
  static bool is_raw(const Value& v) { return v.is_tensor() && v.tensor.dtype() != DType::string; }

  runtime::Session& session_;
  std::span<const Value> inputs_;
  runtime::RunOptions run_options_;
  bool raw_ = false;
  std::vector<runtime::RawInput> raw_inputs_;
  std::vector<runtime::RawOutput> raw_outputs_;
  std::vector<std::vector<std::byte>> memory_;
};

}  // namespace

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

std::int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  if (!(in >> size >> resident)) return 0;
  return resident * sysconf(_SC_PAGESIZE);
}

Result<BenchResult> bench(runtime::Session& session, std::span<const Value> inputs,
                          const BenchOptions& options) {
  Runner runner(session, inputs, options);
  BenchResult result;
  const double begin = now_ms();
  TRY(runner.first());
  result.first = now_ms() - begin;
  for (int i = 0; i < 3; ++i) TRY(runner.run());
  std::vector<double> times;
  const double end = now_ms() + options.seconds * 1000;
  while (times.size() < 10 || now_ms() < end) {
    const double start = now_ms();
    TRY(runner.run());
    times.push_back(now_ms() - start);
  }
  std::sort(times.begin(), times.end());
  result.runs = static_cast<int>(times.size());
  result.least = times.front();
  result.median = times[times.size() / 2];
  result.p95 = times[times.size() * 95 / 100];
  return result;
}

}  // namespace gossamer::measure
