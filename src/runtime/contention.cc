// Tries half the threads when runs wait long, keeps what was faster, and looks up again later.
#include "runtime/contention.h"

#include <algorithm>

namespace gossamer::runtime {
namespace {

constexpr double kLongWait = 0.2;  // of a run: a quarter of the work
constexpr int kSuspicions = 3;     // runs that waited long before fewer threads are tried
constexpr int kTrials = 2;         // runs of a trial
constexpr double kClearly = 0.95;  // more threads must be better by so much
constexpr double kShortPause = 1e8, kLongPause = 1.6e10;

}  // namespace

void ContentionGuard::ran(double now, double ns, double waited, double work) {
  if (most_ <= 1) return;
  const double rate = ns / std::max(work, 1.0);
  if (trying_) {
    trial_sum_ += rate;
    if (++trials_ == kTrials) end_trial(now, trial_sum_ / kTrials);
    return;
  }
  rate_ = rate_ == 0 ? rate : 0.75 * rate_ + 0.25 * rate;
  suspicions_ = std::clamp(suspicions_ + (waited > kLongWait * ns ? 1 : -1), 0, kSuspicions + 1);
  if (limit_ > 1 && suspicions_ >= kSuspicions && now >= next_down_)
    begin_trial(limit_ / 2);
  else if (limit_ < most_ && now >= next_up_)
    begin_trial(std::min(2 * limit_, most_));
}

void ContentionGuard::begin_trial(int threads) {
  trying_ = true;
  tried_ = threads;
  trials_ = 0;
  trial_sum_ = 0;
}

void ContentionGuard::end_trial(double now, double rate) {
  trying_ = false;
  suspicions_ = 0;
  const bool down = tried_ < limit_;
  const bool better = rate < (down ? rate_ : kClearly * rate_);
  double& pause = down ? down_pause_ : up_pause_;
  double& next = down ? next_down_ : next_up_;
  if (!better) {
    next = now + pause;
    pause = std::min(2 * pause, down ? kLongPause : kLongPause / 8);
    return;
  }
  limit_ = tried_;
  rate_ = rate;
  down_pause_ = 1e9;
  up_pause_ = kShortPause;
  next_down_ = now;
  next_up_ = now + up_pause_;
}

}  // namespace gossamer::runtime
