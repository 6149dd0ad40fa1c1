// Histograms that widen by doubling their bins, so that one pass over samples is enough.
#include "compress/histogram.h"

#include <algorithm>
#include <cmath>

namespace gossamer::compress {

// Doubles the width of the bins until they cover low to high and all that came before.
void Histogram::reach(double low, double high) {
  if (bins_.empty()) {
    bins_.assign(kBins, 0);
    // Bins are a power of two wide and begin at a multiple of that: merging keeps their edges.
    const double range = std::max({high - low, std::abs(high) * 1e-6, std::abs(low) * 1e-6, 1e-30});
    width_ = std::exp2(std::ceil(std::log2(range / (kBins - 1))));
    low_ = std::floor(low / width_) * width_;
  }
  if (low >= low_ && high < low_ + kBins * width_) return;
  low = std::min(low, low_);
  high = std::max(high, greatest_);
  double wide = width_, start = low_;
  while (start > low || high >= start + kBins * wide) {
    wide *= 2;
    start = std::floor(low / wide) * wide;
  }
  std::vector<double> merged(kBins, 0);
  for (int i = 0; i < kBins; ++i)
    if (const double n = bins_[static_cast<std::size_t>(i)]; n > 0)
      merged[static_cast<std::size_t>((center(i) - start) / wide)] += n;
  bins_ = std::move(merged);
  low_ = start;
  width_ = wide;
}

void Histogram::add(std::span<const float> values) {
  double low = 0, high = 0;
  bool any = false;
  for (const float x : values) {
    if (!std::isfinite(x)) {
      ++not_finite_;
      continue;
    }
    low = any ? std::min<double>(low, x) : x;
    high = any ? std::max<double>(high, x) : x;
    any = true;
  }
  if (!any) return;
  reach(low, high);
  least_ = count_ == 0 ? low : std::min(least_, low);
  greatest_ = count_ == 0 ? high : std::max(greatest_, high);
  const double per_width = 1 / width_;
  for (const float x : values) {
    if (!std::isfinite(x)) continue;
    const auto bin = static_cast<std::int64_t>((x - low_) * per_width);
    bins_[static_cast<std::size_t>(std::clamp<std::int64_t>(bin, 0, kBins - 1))] += 1;
    sum_ += x;
    squares_ += double{x} * x;
    ++count_;
  }
}

}  // namespace gossamer::compress
