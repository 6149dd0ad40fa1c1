// From what an observer saw to the range that integers shall cover.
#include "compress/range.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

Range with_zero(Range r, bool symmetric) {
  r.low = std::min(r.low, 0.0);
  r.high = std::max(r.high, 0.0);
  if (symmetric) {
    r.high = std::max(r.high, -r.low);
    r.low = -r.high;
  }
  if (r.high - r.low < 1e-12) r.high = r.low + 1e-12;
  return r;
}

Range percentile_range(const Histogram& h, double kept) {
  const double drop = (1 - kept / 100) * static_cast<double>(h.count()) / 2;
  Range r{h.least(), h.greatest()};
  double below = 0, above = 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    below += h.bins()[at(i)];
    if (below > drop) {
      r.low = std::max(h.least(), h.low() + i * h.width());
      break;
    }
  }
  for (int i = Histogram::kBins - 1; i >= 0; --i) {
    above += h.bins()[at(i)];
    if (above > drop) {
      r.high = std::min(h.greatest(), h.low() + (i + 1) * h.width());
      break;
    }
  }
  return r;
}

// --- searching intervals by what they cost ---

using Cost = std::function<double(Range)>;

// Shrinks the ends of the whole range step by step, both together and then one at a time.
Range search(Range whole, bool symmetric, const Cost& cost) {
  constexpr int kSteps = 80;
  Range best = whole;
  double least = std::numeric_limits<double>::infinity();
  const auto attempt = [&](Range r) {
    if (r.high - r.low <= 0) return;
    const double c = cost(r);
    if (c < least) {
      least = c;
      best = r;
    }
  };
  for (int i = kSteps; i >= 4; --i) {
    const double f = static_cast<double>(i) / kSteps;
    attempt({whole.low * f, whole.high * f});
  }
  if (symmetric) return best;
  for (int round = 0; round < 2; ++round) {
    for (const bool end : {true, false}) {
      const Range from = best;
      for (int i = -8; i <= 8; ++i) {
        const double f = 1 + i / (round == 0 ? 20.0 : 80.0);
        Range r = from;
        (end ? r.high : r.low) *= f;
        r.low = std::max(r.low, whole.low);
        r.high = std::min(r.high, whole.high);
        attempt(r);
      }
    }
  }
  return best;
}

// Sum of squared errors of quantizing the histogram's numbers to 2^bits levels over r.
double squared_error(const Histogram& h, Range r, int bits) {
  const double step = (r.high - r.low) / (std::exp2(bits) - 1);
  double sum = 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    const double n = h.bins()[at(i)];
    if (n == 0) continue;
    const double x = h.center(i);
    if (x < r.low || x > r.high) {
      const double d = x < r.low ? r.low - x : x - r.high;
      sum += n * (d * d + step * step / 12);
    } else if (h.width() >= step) {  // bins finer than steps are spread evenly within them
      const double d = x - (r.low + std::nearbyint((x - r.low) / step) * step);
      sum += n * d * d;
    } else {
      sum += n * step * step / 12;
    }
  }
  return sum;
}

// Counts as a quantizer leaves them: what is outside at the ends, each level's mass spread over
// the bins of it that are not empty.
std::vector<double> quantized_counts(const Histogram& h, Range r, int bits) {
  const auto bins = h.bins();
  const double step = (r.high - r.low) / (std::exp2(bits) - 1);
  const auto level_of = [&](int i) {
    const double x = std::clamp(h.center(i), r.low, r.high);
    return static_cast<std::size_t>(std::nearbyint((x - r.low) / step));
  };
  std::vector<double> mass(at(std::int64_t{1} << bits)), filled(mass.size());
  for (int i = 0; i < Histogram::kBins; ++i) {
    const double x = h.center(i);
    if (bins[at(i)] == 0) continue;
    mass[level_of(i)] += bins[at(i)];
    if (x >= r.low && x <= r.high) filled[level_of(i)] += 1;
  }
  std::vector<double> out(bins.size());
  for (int i = 0; i < Histogram::kBins; ++i) {
    const double x = h.center(i);
    if (bins[at(i)] > 0 && x >= r.low && x <= r.high)
      out[at(i)] = mass[level_of(i)] / filled[level_of(i)];
  }
  return out;
}

// sum p log(p / q), with a floor for bins that q lost.
double divergence(std::span<const double> p, std::span<const double> q, double total) {
  constexpr double kFloor = 1e-9;
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (p[i] > 0) sum += p[i] / total * std::log(p[i] / std::max(q[i], kFloor * total));
  return sum;
}

double information_cost(const Histogram& h, Range r, const RangeOptions& options) {
  const std::vector<double> q = quantized_counts(h, r, options.bits);
  const auto total = static_cast<double>(h.count());
  if (options.observer == Observer::kl) return divergence(h.bins(), q, total);
  if (options.observer == Observer::symmetric_kl)
    return divergence(h.bins(), q, total) + divergence(q, h.bins(), total);
  std::vector<double> middle(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) middle[i] = (q[i] + h.bins()[i]) / 2;
  return (divergence(h.bins(), middle, total) + divergence(q, middle, total)) / 2;
}

}  // namespace

std::span<const std::string_view> enum_names(Observer) {
  static constexpr std::array<std::string_view, 7> kNames{
      "min_max", "moving_average", "percentile", "mse", "kl", "symmetric_kl", "js"};
  return kNames;
}

Range choose_range(const Histogram& h, Range average, const RangeOptions& options) {
  if (h.count() == 0) return with_zero({}, options.symmetric);
  const Range whole = with_zero({h.least(), h.greatest()}, options.symmetric);
  switch (options.observer) {
    case Observer::min_max:
      return whole;
    case Observer::moving_average:
      return with_zero(average, options.symmetric);
    case Observer::percentile:
      return with_zero(percentile_range(h, options.percentile), options.symmetric);
    case Observer::mse:
      return search(whole, options.symmetric,
                    [&](Range r) { return squared_error(h, r, options.bits); });
    default:
      return search(whole, options.symmetric,
                    [&](Range r) { return information_cost(h, r, options); });
  }
}

Linear linear_for(Range range, std::int32_t least, std::int32_t greatest, bool symmetric) {
  range = with_zero(range, symmetric);
  Linear out;
  if (symmetric) {
    const std::int32_t middle = least < 0 ? 0 : (greatest + 1) / 2;
    out.zero_point = middle;
    out.scale = static_cast<float>(range.high / (greatest - middle));
  } else {
    out.scale = static_cast<float>((range.high - range.low) / (greatest - least));
    const double zero = least - range.low / double{out.scale};
    out.zero_point = static_cast<std::int32_t>(std::clamp(
        std::nearbyint(zero), double{static_cast<double>(least)}, static_cast<double>(greatest)));
  }
  // A scale below the normal floats would make divisions by it inexact or infinite.
  out.scale = std::max(out.scale, std::numeric_limits<float>::min() * 256);
  return out;
}

}  // namespace gossamer::compress
