// Threads that share the work of a run. A Crew is a caller and the workers that it has for the
// length of one run: they spin for shares while it lasts and sleep afterwards, so a share is handed
// over in well under a microsecond and idle workers burn nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace gossamer {

// Does share `part` of `parts`.
using ShareFunction = void (*)(void* context, int part, int parts);

// How a run spreads its work: implement it to lend threads of your own.
class Workers {
 public:
  virtual ~Workers() = default;
  // How many shares may run at once, the caller's own included.
  virtual int threads() const = 0;
  // Runs every share from 0 to parts - 1, each once and in any order, on threads of its choice, and
  // returns when all are done. May be called by several threads at once.
  virtual void parallel(int parts, ShareFunction share, void* context) = 0;
};

// How many threads this process may run at once: the CPUs of its affinity mask, no more than its
// cgroup's CPU quota (v1 or v2) rounded up; at least 1. Read once a process.
int available_cpus();
// The quota's CPUs, rounded up, or 0 when there is none. `root` is where the file system lies that
// holds proc/self/cgroup and sys/fs/cgroup.
int cgroup_cpus(const char* root = "/");

// A pool of workers, made when they are first asked for. Used by any number of threads at once.
// Fork-safe: the child of a fork makes its own.
class ThreadPool {
 public:
  ThreadPool();
  ~ThreadPool();  // ends the workers; no crew may have any
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The pool of the process, never destroyed.
  static ThreadPool& shared();
  // Workers that there are now.
  int workers();

  struct Worker;
  struct State;

 private:
  friend class Crew;
  State& state();  // this process's own

  std::atomic<State*> state_{nullptr};
};

// The caller of a run and the idle workers that it got. Used by one thread at a time.
class Crew {
 public:
  explicit Crew(ThreadPool& pool) : pool_(&pool) {}
  ~Crew() { leave(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Takes up to threads - 1 idle workers and wakes them; fewer when others have them or the system
  // gives no more. The pool never has more workers than the most that one crew asked for, or one
  // less than there are CPUs: callers beyond that work alone.
  void enter(int threads);
  // Lets them go; they sleep.
  void leave();
  bool entered() const { return entered_; }

  // Members, the caller included.
  int size() const { return static_cast<int>(workers_.size()) + 1; }
  // Runs every share, the caller taking share 0 and those of workers that have not started by the
  // time that it is done; returns when all are. At most size() parts.
  void run(int parts, ShareFunction share, void* context);
  // Time that the caller spent waiting for others in run() since it entered, in nanoseconds.
  double waited_ns() const { return waited_ns_; }
  // Shares offered to workers since it entered, and those of them that no worker had begun in time.
  std::int64_t offered() const { return offered_; }
  std::int64_t missed() const { return missed_; }

 private:
  void wait_for(const ThreadPool::Worker& worker);

  ThreadPool* pool_;
  ThreadPool::State* state_ = nullptr;
  std::vector<ThreadPool::Worker*> workers_;
  double waited_ns_ = 0;
  std::int64_t offered_ = 0, missed_ = 0;
  bool entered_ = false;
};

}  // namespace gossamer
