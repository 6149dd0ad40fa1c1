// Session: a program with memory and threads, ready to run.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "runtime/plan.h"
#include "runtime/pool.h"
#include "runtime/program.h"

namespace gossamer::runtime {

struct SessionOptions {
  int threads = 0;  // the caller included; 0: available_cpus()
  Level level = active_level();
  std::shared_ptr<Pool> pool = nullptr;            // null: memory of its own, kept between runs
  MemorySource memory = {};                        // lends that memory; none: the system
  std::shared_ptr<Workers> workers = nullptr;      // null: the process's pool
  std::int64_t max_bytes = std::int64_t{1} << 40;  // of arena and held values, and each output
  std::int64_t max_steps = std::int64_t{1} << 24;  // executed in one run; exceeded: limit
  // Kernels take and give denormal floats as zeros (FTZ and DAZ), which keeps their speed; the
  // caller's own mode comes back after each step. Reference steps are always exact.
  bool flush_denormals = true;
  std::size_t cached_plans = 8;  // sets of input shapes whose plans are kept, at least 1
};

// One executed step, as a profile reports it.
struct StepTime {
  const Step* step = nullptr;   // of the session's program
  int depth = 0;                // 0: of the program itself; 1: of a region of it, ...
  std::int64_t start_ns = 0;    // since the run began
  std::int64_t ns = 0;          // as the caller's thread saw it; regions included
  int parts = 1;                // shares that it was split into
  double flops = 0, bytes = 0;  // of kernels; else 0
};

struct RunOptions {
  const std::atomic<bool>* cancelled = nullptr;  // true: stop with Code::interrupted
  std::vector<StepTime>* profile = nullptr;      // gets one entry an executed step, in order of end
  std::uint64_t seed = 0;                        // of random numbers
};

// A row-major tensor in the caller's memory, aligned for its elements.
struct RawInput {
  DType dtype = DType::f32;
  std::span<const std::int64_t> extents;
  const void* data = nullptr;
};
// Where a row-major result goes; the run fills in what it was.
struct RawOutput {
  void* data = nullptr;
  std::int64_t capacity = 0;  // bytes
  DType dtype = DType::f32;
  int rank = 0;
  std::array<std::int64_t, kMaxRank> extents{};
};

// Thread-safe by a lock: runs of one session follow each other. Sessions of one program run side by
// side; when they want more workers than there are, some run on their caller's thread alone.
class Session {
 public:
  // Verifies the program. Fails with malformed, or with limit when a static program's memory
  // exceeds max_bytes.
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<const Program> program,
                                               SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One value an input, in order; gives one an output. Inputs are borrowed, never written and never
  // copied. Fails with usage when they do not fit, naming the input.
  Result<std::vector<Value>> run(std::span<const Value> inputs, const RunOptions& options = {});
  // The same from and into the caller's memory, which must not overlap. All inputs and outputs must
  // be tensors of numbers. A run on shapes seen before, of kernels and known shapes only, allocates
  // nothing. Fails with usage when an output's capacity is too small (its extents are filled in).
  Status run_into(std::span<const RawInput> inputs, std::span<RawOutput> outputs,
                  const RunOptions& options = {});

  // The plan for inputs of these shapes, made or found in the cache; it lives as long as the caller
  // holds it.
  Result<std::shared_ptr<const Plan>> plan(std::span<const Shape> inputs);

  const Program& program() const;
  const SessionOptions& options() const;
  // Bytes of planned memory that this session holds at the moment, of regions too; a lease of a
  // shared pool does not count.
  std::int64_t arena_bytes() const;
  // Planned memory of the largest plan in the cache, regions not included.
  std::int64_t planned_bytes() const;

  struct State;
  explicit Session(std::unique_ptr<State> state);  // for open

 private:
  std::unique_ptr<State> state_;
};

}  // namespace gossamer::runtime
