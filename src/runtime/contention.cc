// Tries half the threads when runs wait long, keeps what was faster, and looks up again later.
#include "runtime/contention.h"

#include <algorithm>

namespace gossamer::runtime {
namespace {

constexpr int kSuspicions = 3;     // held-up runs before fewer threads are tried
constexpr int kTrials = 3;         // runs of a trial
constexpr double kClearly = 0.95;  // more threads must be better by so much
constexpr double kShortPause = 1e8, kLongPause = 2e9, kLongestPause = 1.6e10;
constexpr double kSpared = 50;  // a trial is to take no more than a fiftieth of the time

}  // namespace

void ContentionGuard::ran(double now, double ns, bool held_up, double work) {
  if (most_ <= 1) return;
  const double rate = ns / std::max(work, 1.0);
  if (trying_) {
    trial_sum_ += rate;
    trial_ns_ += ns;
    if (++trials_ == kTrials) end_trial(now, trial_sum_ / kTrials);
    return;
  }
  rate_ = rate_ == 0 ? rate : 0.75 * rate_ + 0.25 * rate;
  suspicions_ = std::clamp(suspicions_ + (held_up ? 1 : -1), 0, kSuspicions + 1);
  if (limit_ > 1 && suspicions_ >= kSuspicions && now >= next_down_)
    begin_trial(limit_ / 2);
  else if (limit_ < most_ && now >= next_up_)
    begin_trial(std::min(2 * limit_, most_));
}

void ContentionGuard::begin_trial(int threads) {
  trying_ = true;
  tried_ = threads;
  trials_ = 0;
  trial_sum_ = trial_ns_ = 0;
}

void ContentionGuard::end_trial(double now, double rate) {
  trying_ = false;
  suspicions_ = 0;
  const bool down = tried_ < limit_;
  const bool better = rate < (down ? rate_ : kClearly * rate_);
  double& pause = down ? down_pause_ : up_pause_;
  double& next = down ? next_down_ : next_up_;
  if (!better) {
    next = now + std::max(pause, kSpared * trial_ns_);
    pause = std::min(2 * pause, down ? kLongestPause : kLongPause);
    return;
  }
  limit_ = tried_;
  rate_ = rate;
  down_pause_ = 1e9;
  // What was better for a moment only is not tried again soon.
  if (down) {
    const bool back_again = now - last_up_ < kLongPause;
    up_pause_ = back_again ? std::min(2 * up_pause_, kLongPause) : kShortPause;
  }
  if (!down) last_up_ = now;
  next_down_ = now;
  next_up_ = now + up_pause_;
}

}  // namespace gossamer::runtime
