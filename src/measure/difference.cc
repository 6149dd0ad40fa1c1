// Signal-to-noise, cosine and divergences between two series of numbers.
#include "measure/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gossamer::measure {
namespace {

constexpr std::size_t kBins = 128;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::size_t bin_of(double x, double low, double width) {
  if (width <= 0) return 0;
  return static_cast<std::size_t>(
      std::clamp((x - low) / width, 0.0, static_cast<double>(kBins - 1)));
}

}  // namespace

void Difference::add(std::span<const float> a, std::span<const float> b) { add_any(a, b); }
void Difference::add(std::span<const double> a, std::span<const double> b) { add_any(a, b); }

template <class T>
void Difference::add_any(std::span<const T> a, std::span<const T> b) {
  if (a_bins_.empty()) {
    a_bins_.assign(kBins, 0);
    b_bins_.assign(kBins, 0);
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const T x : a)
      if (std::isfinite(x)) {
        low = std::min(low, double{x});
        high = std::max(high, double{x});
      }
    if (low < high) {
      low_ = low;
      width_ = (high - low) / static_cast<double>(kBins);
    }
  }
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double x = a[i], y = b[i];
    if (!std::isfinite(x) || !std::isfinite(y)) {
      ++not_finite_;
      continue;
    }
    const double d = y - x;
    signal_ += x * x;
    noise_ += d * d;
    dot_ += x * y;
    other_ += y * y;
    max_abs_ = std::max(max_abs_, std::abs(d));
    ++a_bins_[bin_of(x, low_, width_)];
    ++b_bins_[bin_of(y, low_, width_)];
    ++count_;
  }
}

double Difference::noise_to_signal() const {
  if (noise_ == 0) return 0;
  return signal_ == 0 ? std::numeric_limits<double>::infinity() : noise_ / signal_;
}

double Difference::snr_db() const {
  constexpr double kDecibel = 10;
  if (noise_ == 0) return std::numeric_limits<double>::infinity();
  return signal_ == 0 ? -std::numeric_limits<double>::infinity()
                      : kDecibel * std::log10(signal_ / noise_);
}

double Difference::cosine() const {
  if (signal_ == 0 && other_ == 0) return 1;
  return signal_ == 0 || other_ == 0 ? 0 : dot_ / (std::sqrt(signal_) * std::sqrt(other_));
}

double Difference::kl() const {
  if (count_ == 0) return 0;
  // Bins that only `a` has get a little of b's, so that the divergence stays finite.
  constexpr double kLeast = 0.5;
  const auto total = static_cast<double>(count_);
  double sum = 0;
  for (std::size_t i = 0; i < kBins; ++i)
    if (a_bins_[i] > 0)
      sum += a_bins_[i] / total * std::log(a_bins_[i] / std::max(b_bins_[i], kLeast));
  return std::max(sum, 0.0);
}

namespace {

// The row as a distribution, in logarithms.
std::vector<double> log_distribution(std::span<const double> row) {
  double sum = 0, most = -std::numeric_limits<double>::infinity();
  bool positive = true;
  for (const double x : row) {
    sum += x;
    most = std::max(most, x);
    positive = positive && x >= 0;
  }
  std::vector<double> out(row.begin(), row.end());
  constexpr double kNear = 1e-2, kLeast = 1e-30;
  if (positive && std::abs(sum - 1) < kNear) {
    for (double& x : out) x = std::log(std::max(x / sum, kLeast));
    return out;
  }
  double total = 0;
  for (const double x : row) total += std::exp(x - most);
  for (double& x : out) x -= most + std::log(total);
  return out;
}

}  // namespace

void ClassDivergence::add(std::span<const double> a, std::span<const double> b,
                          std::int64_t classes) {
  if (classes <= 0) return;
  for (std::size_t first = 0; first + at(classes) <= std::min(a.size(), b.size());
       first += at(classes)) {
    const auto p = log_distribution(a.subspan(first, at(classes)));
    const auto q = log_distribution(b.subspan(first, at(classes)));
    double kl = 0;
    for (std::size_t c = 0; c < p.size(); ++c) kl += std::exp(p[c]) * (p[c] - q[c]);
    if (!std::isfinite(kl)) continue;
    sum_ += std::max(kl, 0.0);
    ++rows_;
  }
}

double ClassDivergence::mean_kl() const {
  return rows_ == 0 ? 0 : sum_ / static_cast<double>(rows_);
}

bool is_class_like(const Shape& shape) {
  return (shape.rank() == 1 || shape.rank() == 2) && shape[shape.rank() - 1] >= 2;
}

}  // namespace gossamer::measure
