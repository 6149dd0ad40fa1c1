// Histogram: how often which numbers came, in bounded memory and one pass.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gossamer::compress {

// Equal bins whose number is fixed: when a number falls outside, neighbors are merged until the
// bins reach it, so that the counts stay exact and the order of the numbers hardly matters.
class Histogram {
 public:
  static constexpr int kBins = 2048;

  // Finite numbers; others are counted apart and left out.
  void add(std::span<const float> values);

  std::int64_t count() const { return count_; }
  std::int64_t not_finite() const { return not_finite_; }
  double least() const { return least_; }        // 0 while empty
  double greatest() const { return greatest_; }  // 0 while empty
  double sum() const { return sum_; }
  double sum_of_squares() const { return squares_; }
  // Bin i covers [low() + i * width(), low() + (i + 1) * width()).
  std::span<const double> bins() const { return bins_; }
  double low() const { return low_; }
  double width() const { return width_; }
  double center(int bin) const { return low_ + (bin + 0.5) * width_; }

 private:
  void reach(double low, double high);

  std::vector<double> bins_;
  double low_ = 0, width_ = 0;
  std::int64_t count_ = 0, not_finite_ = 0;
  double least_ = 0, greatest_ = 0, sum_ = 0, squares_ = 0;
};

}  // namespace gossamer::compress
