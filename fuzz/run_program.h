// Running a program that may be forged: within little memory and time.
#pragma once

#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <span>

#include "runtime/session.h"

namespace gossamer::fuzz {

// Set a second after a run began: what takes long is no finding.
inline std::atomic<bool>& too_long() {
  static std::atomic<bool> flag;
  return flag;
}

inline void run_program(const std::shared_ptr<const runtime::Program>& program,
                        std::span<const Value> inputs) {
  runtime::SessionOptions options;
  options.threads = 1;
  options.max_bytes = 16 << 20;
  options.max_steps = 1000;
  const auto session = runtime::Session::open(program, std::move(options));
  if (!session.ok()) return;
  static const bool kListening = [] {
    std::signal(SIGVTALRM, [](int) { too_long() = true; });
    return true;
  }();
  (void)kListening;
  too_long() = false;
  itimerval timer{};
  timer.it_value.tv_sec = 1;
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
  runtime::RunOptions run;
  run.cancelled = &too_long();
  (void)(*session)->run(inputs, run).ok();
  timer = {};
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}

}  // namespace gossamer::fuzz
