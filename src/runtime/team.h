// Team: the threads of one run: workers of the process's pool, or the caller's own.
#pragma once

#include <algorithm>
#include <memory>

#include "base/thread_pool.h"

namespace gossamer::runtime {

class Team {
 public:
  Team(std::shared_ptr<Workers> own, int threads)
      : own_(std::move(own)), crew_(ThreadPool::shared()), threads_(std::max(threads, 1)) {}

  // Uses at most that many threads from now on.
  void limit(int threads) { limit_ = std::clamp(threads, 1, threads_); }
  int threads() const { return threads_; }
  bool is_own() const { return own_ != nullptr; }  // the caller's own workers

  // Gathers workers, so that they are awake when the first shares come.
  void enter() {
    if (!own_ && limit_ > 1 && !crew_.entered()) crew_.enter(limit_);
  }
  void leave() { crew_.leave(); }

  // How many shares of `most` would run at once now.
  int parts(int most) {
    if (most <= 1 || limit_ <= 1) return 1;
    if (own_) return std::min(most, limit_);
    if (!crew_.entered()) crew_.enter(limit_);
    return std::min({most, limit_, crew_.size()});
  }
  void run(int parts, ShareFunction share, void* context) {
    if (own_)
      own_->parallel(parts, share, context);
    else
      crew_.run(parts, share, context);
  }
  // Whether workers were of little help in a run of `ns` nanoseconds: the caller waited for a
  // quarter of its work or more, or did a quarter of their shares.
  bool was_held_up(double ns) const {
    return crew_.waited_ns() > 0.2 * ns || 4 * crew_.missed() > crew_.offered();
  }

 private:
  std::shared_ptr<Workers> own_;
  Crew crew_;
  int threads_;
  int limit_ = 1;
};

}  // namespace gossamer::runtime
