// Shows progress on standard error, a few times a second.
#include "cli/progress.h"

#include <unistd.h>

#include "fmt/format.h"
#include "measure/bench.h"

namespace gossamer::cli {

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::step(const std::string& name) {
  name_ = name;
  begin_ = measure::now_ms();
}

void ProgressLine::show(std::size_t done, std::size_t total) {
  if (!terminal_ || total == 0) return;
  constexpr double kPause = 200, kSecond = 1000;
  const double now = measure::now_ms();
  if (done < total && now - shown_ < kPause) return;
  shown_ = now;
  const double left = done == 0 ? 0
                                : (now - begin_) / static_cast<double>(done) *
                                      static_cast<double>(total - done) / kSecond;
  fmt::print(stderr, "\r{}: {} of {} samples, {:.0f} s left \033[K", name_, done, total, left);
  if (done == total) fmt::print(stderr, "\r\033[K");
  static_cast<void>(std::fflush(stderr));
}

}  // namespace gossamer::cli
