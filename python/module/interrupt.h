// Ctrl-C while C++ works: a run is told to stop, other work is left to end by itself. On any thread
// but Python's main one nothing is done: signals are the main thread's.
#pragma once

#include <csignal>

#include <atomic>
#include <functional>

namespace gossamer::python {

// A flag that ends a run from any thread; Python's RunOptions.terminate.
struct Flag {
  std::atomic<bool> raised{false};
};

// While it lives SIGINT also raises the flag. Python's own handler is called as before.
class RunGuard {
 public:
  explicit RunGuard(Flag& flag);
  ~RunGuard();
  RunGuard(const RunGuard&) = delete;
  RunGuard& operator=(const RunGuard&) = delete;

  // Whether SIGINT came meanwhile.
  bool interrupted() const;

 private:
  struct sigaction old_{};
  bool installed_ = false;
};

// Runs `work` without the interpreter's lock. On the main thread it runs on one of its own while
// this waits for it or for a signal, whose exception is thrown at once; `work` must keep alive what
// it uses.
void interruptible(std::function<void()> work);
// Waits for work that was left.
void finish_work();

}  // namespace gossamer::python
