// Sessions: options made definite, one frame, and a lock around its runs.
#include "runtime/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/contention.h"
#include "runtime/frame.h"
#include "runtime/plan_ahead.h"
#include "runtime/team.h"

namespace gossamer::runtime {
namespace {

SessionOptions definite(SessionOptions options) {
  if (options.threads <= 0)
    options.threads = options.workers ? options.workers->threads() : available_cpus();
  if (options.workers) options.threads = std::min(options.threads, options.workers->threads());
  options.threads = std::clamp(options.threads, 1, 1024);
  options.level = std::min(options.level, cpu_level());
  return options;
}

}  // namespace

struct Session::State {
  State(std::shared_ptr<const Program> p, SessionOptions o)
      : program(std::move(p)),
        options(definite(std::move(o))),
        own_memory(options.memory),
        frame(*program, options, options.pool ? *options.pool : own_memory, !options.pool),
        team(options.workers, options.threads),
        guard(options.threads) {}

  std::shared_ptr<const Program> program;
  SessionOptions options;
  Pool own_memory;  // used when the caller gives none
  Frame frame;
  Team team;
  ContentionGuard guard;
  mutable std::mutex mutex;
};

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(std::shared_ptr<const Program> program,
                                               SessionOptions options) {
  if (!program) return usage_error("there is no program to open");
  TRY(verify(*program));
  auto session =
      std::make_unique<Session>(std::make_unique<State>(std::move(program), std::move(options)));
  if (const auto shapes = fixed_inputs(session->program())) TRY(session->plan(*shapes).status());
  return session;
}

namespace {

double nanoseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::nano>(d).count();
}

// One run: takes the lock, gathers the team, and tells the guard how it went.
class Running {
 public:
  Running(Session::State& state, const RunOptions& options)
      : state_(state),
        lock_(state.mutex),
        run_{state.options, options, state.team, std::chrono::steady_clock::now()} {
    if (options.profile) options.profile->clear();
    state_.team.limit(state_.guard.threads());
  }
  ~Running() {
    const auto now = std::chrono::steady_clock::now();
    const double ns = nanoseconds(now - run_.start);
    const bool held_up = state_.team.was_held_up(ns);
    state_.team.leave();
    if (state_.team.is_own() || !run_.shared_steps) return;
    state_.guard.ran(nanoseconds(now.time_since_epoch()), ns, held_up, run_.work_ns);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Run& run() { return run_; }

 private:
  Session::State& state_;
  std::lock_guard<std::mutex> lock_;
  Run run_;
};

}  // namespace

Result<std::vector<Value>> Session::run(std::span<const Value> inputs, const RunOptions& options) {
  Running running(*state_, options);
  return state_->frame.run(inputs, running.run());
}

Status Session::run_into(std::span<const RawInput> inputs, std::span<RawOutput> outputs,
                         const RunOptions& options) {
  Running running(*state_, options);
  return state_->frame.run_into(inputs, outputs, running.run());
}

Result<std::shared_ptr<const Plan>> Session::plan(std::span<const Shape> inputs) {
  std::vector<std::span<const std::int64_t>> extents;
  for (const Shape& shape : inputs) extents.emplace_back(shape.dims());
  const std::lock_guard lock(state_->mutex);
  return state_->frame.plan_for(extents);
}

const Program& Session::program() const { return *state_->program; }
const SessionOptions& Session::options() const { return state_->options; }

std::int64_t Session::arena_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->frame.arena_bytes();
}

std::int64_t Session::planned_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->frame.planned_bytes();
}

}  // namespace gossamer::runtime
