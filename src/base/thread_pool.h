// Threads that share the work of a run. A Crew is a caller and the workers that it has for the
// length of one run: they spin for shares while it lasts and sleep afterwards, so a share is handed
// over in well under a microsecond and idle workers burn nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
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

// A pool of workers, made when they are first asked for. Fork-safe: the child of a fork makes its
// own.
class ThreadPool {
 public:
  // `most` workers besides callers, whatever is asked for; 0: one less than available_cpus().
  explicit ThreadPool(int most = 0);
  ~ThreadPool();  // no crew may be left
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The pool of the process, never destroyed.
  static ThreadPool& shared();

  class Worker;
  struct State;

 private:
  friend class Crew;
  State& state();  // this process's own

  int most_;
  struct Holder;
  std::unique_ptr<Holder> holder_;
};

// The caller of a run and the idle workers that it got. Used by the thread that made it.
class Crew {
 public:
  Crew() = default;  // the caller alone
  // Takes up to threads - 1 idle workers of the pool; fewer when others hold them or the system
  // gives no more.
  Crew(ThreadPool& pool, int threads);
  ~Crew();
  Crew(Crew&& other) noexcept;
  Crew& operator=(Crew&& other) noexcept;

  // Members, the caller included.
  int size() const { return static_cast<int>(workers_.size()) + 1; }
  // Runs every share, the caller taking share 0 and those of workers that did not start in time;
  // returns when all are done. At most size() parts.
  void run(int parts, ShareFunction share, void* context);
  // Time that the caller spent in run() waiting for others, in ticks of the CPU's counter.
  std::uint64_t waited() const { return waited_; }

 private:
  void release();

  ThreadPool::State* state_ = nullptr;
  std::vector<ThreadPool::Worker*> workers_;
  std::uint64_t waited_ = 0;
};

}  // namespace gossamer
