// Timing a session: first run, then steady runs for a while; and what memory the process grew by.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/tensor.h"
#include "runtime/session.h"

namespace gossamer::measure {

// Milliseconds since a fixed moment, by the monotonic clock.
double now_ms();
// Resident memory of this process in bytes; 0 where the system does not tell.
std::int64_t resident_bytes();

struct BenchOptions {
  double seconds = 2;  // of steady runs; at least 10 are made
  const std::atomic<bool>* cancelled = nullptr;
};

// Milliseconds, but for the counts.
struct BenchResult {
  double first = 0;
  double median = 0, p95 = 0, least = 0;
  int runs = 0;
};

// Runs the session on the inputs, row-major, one an input of the program, again and again; outputs
// go to memory that is kept from run to run where their extents are known. Fails with what a run
// says.
Result<BenchResult> bench(runtime::Session& session, std::span<const Value> inputs,
                          const BenchOptions& options = {});

}  // namespace gossamer::measure
