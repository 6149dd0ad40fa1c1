// Ctrl-C: a handler in front of Python's own for runs, a thread of its own for other work.
#include "interrupt.h"

#include <nanobind/nanobind.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace gossamer::python {
namespace {

namespace nb = nanobind;

std::atomic<Flag*> g_running{nullptr};
std::atomic<bool> g_signaled{false};
struct sigaction g_python{};  // Python's handler

void on_signal(int signal, siginfo_t* info, void* context) {
  g_signaled = true;
  if (Flag* flag = g_running.load()) flag->raised = true;
  if ((g_python.sa_flags & SA_SIGINFO) != 0)
    g_python.sa_sigaction(signal, info, context);
  else
    g_python.sa_handler(signal);
}

bool is_main_thread() { return ::gettid() == ::getpid(); }

// What a waiting thread and its worker share; the worker may outlive the wait.
struct Work {
  std::function<void()> run;
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
};

std::vector<std::thread>& left_behind() {
  static std::vector<std::thread> threads;
  return threads;
}

}  // namespace

RunGuard::RunGuard(Flag& flag) {
  if (!is_main_thread() || ::sigaction(SIGINT, nullptr, &old_) != 0) return;
  const bool takes_info = (old_.sa_flags & SA_SIGINFO) != 0;
  if (!takes_info && (old_.sa_handler == SIG_DFL || old_.sa_handler == SIG_IGN)) return;
  if (takes_info && old_.sa_sigaction == on_signal) return;
  g_python = old_;
  g_signaled = false;
  g_running = &flag;
  struct sigaction mine{};
  mine.sa_sigaction = on_signal;
  mine.sa_mask = old_.sa_mask;
  mine.sa_flags = old_.sa_flags | SA_SIGINFO;
  installed_ = ::sigaction(SIGINT, &mine, nullptr) == 0;
}

RunGuard::~RunGuard() {
  if (installed_) ::sigaction(SIGINT, &old_, nullptr);
  if (installed_) g_running = nullptr;
}

bool RunGuard::interrupted() const { return installed_ && g_signaled; }

void interruptible(std::function<void()> work) {
  if (!is_main_thread()) {
    const nb::gil_scoped_release release;
    work();
    return;
  }
  const auto shared = std::make_shared<Work>();
  shared->run = std::move(work);
  std::thread worker([shared] {
    shared->run();
    shared->run = nullptr;
    const std::lock_guard lock(shared->mutex);
    shared->done = true;
    shared->changed.notify_one();
  });
  for (;;) {
    bool done = false;
    {
      const nb::gil_scoped_release release;
      std::unique_lock lock(shared->mutex);
      done = shared->changed.wait_for(lock, std::chrono::milliseconds(20),
                                      [&] { return shared->done; });
    }
    if (done) break;
    if (PyErr_CheckSignals() == 0) continue;
    left_behind().push_back(std::move(worker));
    throw nb::python_error();
  }
  worker.join();
}

void finish_work() {
  const nb::gil_scoped_release release;
  for (std::thread& thread : left_behind()) thread.join();
  left_behind().clear();
}

}  // namespace gossamer::python
