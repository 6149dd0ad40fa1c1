// Timing sessions: first runs, then steady runs for a while; and what memory the process grew by.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/tensor.h"
#include "runtime/session.h"

namespace gossamer::measure {

// Milliseconds since a fixed moment, by the monotonic clock.
double now_ms();
// Resident memory of this process in bytes; 0 where the system does not tell.
std::int64_t resident_bytes();

// Milliseconds, but for the counts.
struct BenchResult {
  double first = 0;                       // of the first session
  double median = 0, p95 = 0, least = 0;  // of all sessions' steady runs
  int runs = 0;
  double per_second = 0;  // runs that were finished, while sessions ran side by side
};

// Sessions of one program that run on the same inputs, side by side, each on a thread of its own.
class Bench {
 public:
  // The first run of each session and three more. Inputs are row-major, one an input of the
  // program; they and the sessions outlive the Bench. `cancelled` may be null. Fails with what a
  // run says.
  static Result<Bench> start(std::span<runtime::Session* const> sessions,
                             std::span<const Value> inputs, const std::atomic<bool>* cancelled);
  Bench(Bench&&) noexcept;
  Bench& operator=(Bench&&) noexcept;
  ~Bench();

  // Steady runs for so long, and at least so many a session; outputs go to memory that is kept from
  // run to run where their extents are known. May be called again: the runs add up.
  Status run_for(double seconds, int least_runs);
  BenchResult result() const;

 private:
  class Runner;
  Bench();

  std::vector<std::unique_ptr<Runner>> runners_;
  double first_ = 0, elapsed_ = 0;
};

}  // namespace gossamer::measure
