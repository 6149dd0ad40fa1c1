// Workers and how shares reach them. Each worker has one word that says whose turn it is; only the
// crew that has the worker offers, and an offer that the worker has not taken can be taken back.
#include "base/thread_pool.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <system_error>
#include <thread>

namespace gossamer {
namespace {

using Clock = std::chrono::steady_clock;

// Waiting workers spin so long within a run and so long after it, then sleep.
constexpr auto kSpinInRun = std::chrono::microseconds(2000);
constexpr auto kSpinAfterRun = std::chrono::microseconds(50);
// A caller that waits longer lets others have its CPU: the worker it waits for may need it.
constexpr auto kSpinForWorker = std::chrono::microseconds(1000);
constexpr int kPausesBetweenLooks = 64;  // at the clock

enum Turn : int {
  kReady,    // the worker waits, awake
  kAsleep,   // the worker waits in the kernel
  kOffered,  // a share is there for the taking
  kTaken,    // the worker does it
  kQuit,     // the worker is to end
};

// Forks of this process so far, counted in the child.
std::atomic<unsigned> fork_count{0};

void count_forks() {
  static const int registered = ::pthread_atfork(
      nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  static_cast<void>(registered);
}

}  // namespace

struct alignas(64) ThreadPool::Worker {
  std::atomic<int> turn{kReady};
  // The share on offer; written while it is the crew's turn.
  ShareFunction share = nullptr;
  void* context = nullptr;
  int part = 0, parts = 0;
  alignas(64) std::atomic<bool> in_crew{false};
  std::thread thread;

  void work();
  bool sleep();
  void offer(ShareFunction f, void* c, int p, int n);
  void wake();
};

struct ThreadPool::State {
  unsigned forks = 0;
  std::mutex mutex;
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Worker*> idle;

  Worker* hire();
};

void ThreadPool::Worker::work() {
  auto since = Clock::now();
  for (int pauses = 0;;) {
    int now = turn.load(std::memory_order_acquire);
    if (now == kOffered && turn.compare_exchange_strong(now, kTaken, std::memory_order_acquire)) {
      share(context, part, parts);
      turn.store(kReady, std::memory_order_release);
      since = Clock::now();
    }
    if (now == kQuit) return;
    _mm_pause();
    if (++pauses % kPausesBetweenLooks != 0) continue;
    const auto most = in_crew.load(std::memory_order_relaxed) ? kSpinInRun : kSpinAfterRun;
    if (Clock::now() - since > most && sleep()) since = Clock::now();
  }
}

// Sleeps until woken, unless there is something to do already.
bool ThreadPool::Worker::sleep() {
  int ready = kReady;
  if (!turn.compare_exchange_strong(ready, kAsleep, std::memory_order_acq_rel)) return false;
  turn.wait(kAsleep, std::memory_order_acquire);
  return true;
}

void ThreadPool::Worker::offer(ShareFunction f, void* c, int p, int n) {
  share = f;
  context = c;
  part = p;
  parts = n;
  if (turn.exchange(kOffered, std::memory_order_acq_rel) == kAsleep) turn.notify_one();
}

void ThreadPool::Worker::wake() {
  int asleep = kAsleep;
  if (turn.compare_exchange_strong(asleep, kReady, std::memory_order_acq_rel)) turn.notify_one();
}

// Makes a worker, or null when the system refuses. Signals stay with the host's own threads.
ThreadPool::Worker* ThreadPool::State::hire() {
  auto worker = std::make_unique<Worker>();
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    worker->thread = std::thread([w = worker.get()] { w->work(); });
    ::pthread_setname_np(worker->thread.native_handle(), "gossamer");
    workers.push_back(std::move(worker));
  } catch (const std::system_error&) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return nullptr;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return workers.back().get();
}

ThreadPool::ThreadPool() { count_forks(); }

ThreadPool::~ThreadPool() {
  // The threads of a state from before a fork are not this process's.
  State* last = state_.load(std::memory_order_acquire);
  if (!last || last->forks != fork_count.load(std::memory_order_relaxed)) return;
  const std::unique_ptr<State> state(last);
  for (const auto& worker : state->workers) {
    worker->turn.store(kQuit, std::memory_order_release);
    worker->turn.notify_one();
    worker->thread.join();
  }
}

ThreadPool& ThreadPool::shared() {
  static ThreadPool& pool = *std::make_unique<ThreadPool>().release();
  return pool;
}

ThreadPool::State& ThreadPool::state() {
  const unsigned forks = fork_count.load(std::memory_order_relaxed);
  State* now = state_.load(std::memory_order_acquire);
  if (now && now->forks == forks) return *now;
  // What the parent had is left alone: its lock may be held by a thread that is not here.
  auto fresh = std::make_unique<State>();
  fresh->forks = forks;
  if (state_.compare_exchange_strong(now, fresh.get(), std::memory_order_acq_rel))
    return *fresh.release();
  return *now;
}

int ThreadPool::workers() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  return static_cast<int>(s.workers.size());
}

void Crew::enter(int threads) {
  leave();
  entered_ = true;
  waited_ns_ = 0;
  offered_ = missed_ = 0;
  if (threads <= 1) return;
  state_ = &pool_->state();
  const auto wanted = static_cast<std::size_t>(threads - 1);
  const std::size_t most = std::max(wanted, static_cast<std::size_t>(available_cpus() - 1));
  {
    const std::lock_guard lock(state_->mutex);
    while (workers_.size() < wanted) {
      ThreadPool::Worker* worker = nullptr;
      if (!state_->idle.empty()) {
        worker = state_->idle.back();
        state_->idle.pop_back();
      } else if (state_->workers.size() < most) {
        worker = state_->hire();
      }
      if (!worker) break;
      workers_.push_back(worker);
    }
  }
  for (ThreadPool::Worker* worker : workers_) {
    worker->in_crew.store(true, std::memory_order_relaxed);
    worker->wake();
  }
}

void Crew::leave() {
  entered_ = false;
  if (workers_.empty()) return;
  for (ThreadPool::Worker* worker : workers_)
    worker->in_crew.store(false, std::memory_order_relaxed);
  const std::lock_guard lock(state_->mutex);
  state_->idle.insert(state_->idle.end(), workers_.begin(), workers_.end());
  workers_.clear();
}

void Crew::run(int parts, ShareFunction share, void* context) {
  const auto others = static_cast<std::size_t>(std::min(parts, size()) - 1);
  offered_ += static_cast<std::int64_t>(others);
  for (std::size_t i = 0; i < others; ++i)
    workers_[i]->offer(share, context, static_cast<int>(i) + 1, parts);
  share(context, 0, parts);
  for (std::size_t i = 0; i < others; ++i) {
    int offered = kOffered;
    if (!workers_[i]->turn.compare_exchange_strong(offered, kReady, std::memory_order_acq_rel))
      continue;
    ++missed_;
    share(context, static_cast<int>(i) + 1, parts);
  }
  // Shares that no member stands for (a crew smaller than the parts) are the caller's.
  for (int part = static_cast<int>(others) + 1; part < parts; ++part) share(context, part, parts);
  for (std::size_t i = 0; i < others; ++i)
    if (workers_[i]->turn.load(std::memory_order_acquire) == kTaken) wait_for(*workers_[i]);
}

void Crew::wait_for(const ThreadPool::Worker& worker) {
  const auto begin = Clock::now();
  for (int pauses = 1; worker.turn.load(std::memory_order_acquire) == kTaken; ++pauses) {
    _mm_pause();
    if (pauses % kPausesBetweenLooks != 0) continue;
    if (Clock::now() - begin > kSpinForWorker) ::sched_yield();
  }
  waited_ns_ += std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

}  // namespace gossamer
