// Timed runs without allocation where outputs' extents are known.
#include "measure/bench.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <system_error>
#include <thread>

namespace gossamer::measure {

// One run after another; outputs of known extents go into memory of ours, so that nothing is
// allocated.
class Bench::Runner {
 public:
  Runner(runtime::Session& session, std::span<const Value> inputs,
         const std::atomic<bool>* cancelled)
      : session_(session), inputs_(inputs) {
    run_options_.cancelled = cancelled;
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

  // Steady runs until that moment; what went wrong, if something did, is kept.
  void run_until(double end, int least_runs) {
    for (int made = 0; status.ok() && (made < least_runs || now_ms() < end); ++made) {
      const double start = now_ms();
      status = run();
      times.push_back(now_ms() - start);
    }
  }

  std::vector<double> times;
  Status status;

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

Bench::Bench() = default;
Bench::Bench(Bench&&) noexcept = default;
Bench& Bench::operator=(Bench&&) noexcept = default;
Bench::~Bench() = default;

Result<Bench> Bench::start(std::span<runtime::Session* const> sessions,
                           std::span<const Value> inputs, const std::atomic<bool>* cancelled) {
  Bench out;
  for (runtime::Session* session : sessions) {
    out.runners_.push_back(std::make_unique<Runner>(*session, inputs, cancelled));
    const double begin = now_ms();
    TRY(out.runners_.back()->first());
    if (out.runners_.size() == 1) out.first_ = now_ms() - begin;
    for (int i = 0; i < 3; ++i) TRY(out.runners_.back()->run());
  }
  return out;
}

Status Bench::run_for(double seconds, int least_runs) {
  const double begin = now_ms(), end = begin + seconds * 1000;
  try {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < runners_.size(); ++i)
      others.emplace_back(&Runner::run_until, runners_[i].get(), end, least_runs);
    if (!runners_.empty()) runners_[0]->run_until(end, least_runs);
  } catch (const std::system_error& e) {
    return limit_error(std::string("cannot start a thread a session: ") + e.what());
  }
  elapsed_ += now_ms() - begin;
  for (const auto& runner : runners_) TRY(Status(runner->status));
  return {};
}

BenchResult Bench::result() const {
  BenchResult result;
  std::vector<double> times;
  for (const auto& runner : runners_)
    times.insert(times.end(), runner->times.begin(), runner->times.end());
  result.first = first_;
  result.runs = static_cast<int>(times.size());
  if (times.empty()) return result;
  std::sort(times.begin(), times.end());
  result.least = times.front();
  result.median = times[times.size() / 2];
  result.p95 = times[times.size() * 95 / 100];
  result.per_second = elapsed_ > 0 ? static_cast<double>(times.size()) / elapsed_ * 1e3 : 0;
  return result;
}

}  // namespace gossamer::measure
