// ContentionGuard: how many threads a session's next run should use when neighbors may steal the
// cores. A share whose worker was put aside holds up the whole step, so on a busy machine fewer
// threads can be faster than more; what is faster is tried, not guessed.
#pragma once

#include <limits>

namespace gossamer::runtime {

// Used by one thread at a time. Times in nanoseconds, on any clock that only goes forward.
class ContentionGuard {
 public:
  explicit ContentionGuard(int threads) : most_(threads), limit_(threads) {}

  int threads() const { return trying_ ? tried_ : limit_; }
  // Takes in a run of threads() threads that ended `now` and took `ns`; `held_up` where its workers
  // were of little help; `work` is what it should have taken, to compare runs of different shapes.
  void ran(double now, double ns, bool held_up, double work);

 private:
  void begin_trial(int threads);
  void end_trial(double now, double rate);

  int most_;
  int limit_;
  double rate_ = 0;     // smoothed time by work, on limit_ threads
  int suspicions_ = 0;  // recent runs that were held up
  double next_down_ = 0, next_up_ = std::numeric_limits<double>::max();
  double down_pause_ = 1e9, up_pause_ = 1e8;
  double last_up_ = -1e18;
  bool trying_ = false;
  int tried_ = 0, trials_ = 0;
  double trial_sum_ = 0, trial_ns_ = 0;
};

}  // namespace gossamer::runtime
