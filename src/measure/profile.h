// Where the time of a run goes: every step's own time, work and traffic over many runs.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "base/tensor.h"
#include "measure/rates.h"
#include "runtime/session.h"

namespace gossamer::measure {

// One step of the program or of one of its regions, as executed in a run.
struct StepProfile {
  const runtime::Step* step = nullptr;  // of the session's program
  int depth = 0;                        // of the region that it stands in; 0: the program itself
  double calls = 0;                     // a run: more than one in a loop
  double ns = 0;  // median over the runs of what it took in each, its regions included
  double flops = 0, bytes = 0;  // of one run; 0 where it is scalar code
  int parts = 1;                // shares that it was last split into
};

struct Profile {
  std::vector<StepProfile> steps;           // by order of execution
  std::vector<runtime::StepTime> last_run;  // by order of end
  int runs = 0;
  double run_ns = 0;  // median of whole runs

  // Of the program's own steps, regions included.
  double total_flops() const;
  double total_bytes() const;
};

// Runs the session, which has run on inputs of these shapes before, for so long and at least three
// times, at most 1000. Fails with what a run says.
Result<Profile> profile(runtime::Session& session, std::span<const Value> inputs, double seconds,
                        const std::atomic<bool>* cancelled);

}  // namespace gossamer::measure
