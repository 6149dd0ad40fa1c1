// Wilson's interval and the bootstrap.
#include "measure/interval.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace gossamer::measure {
namespace {

double ratio(const Share& s) { return s.whole == 0 ? 0 : s.part / s.whole; }

Share sum_of(std::span<const Share> shares) {
  Share sum;
  for (const Share& s : shares) {
    sum.part += s.part;
    sum.whole += s.whole;
  }
  return sum;
}

// Sets the interval to the middle 95 % of what `draw` gives for random indices below n.
template <class Draw>
void bootstrap(Figure& f, std::size_t n, const Draw& draw) {
  if (n < 2) return;
  constexpr std::size_t kMost = 2000, kLeast = 200, kWork = 200'000'000;
  constexpr std::uint64_t kSeed = 1;
  constexpr double kTail = 0.025;
  const std::size_t draws = std::clamp(kWork / n, kLeast, kMost);
  std::mt19937_64 random(kSeed);
  std::vector<double> values(draws);
  for (double& v : values) v = draw([&] { return random() % n; });
  std::sort(values.begin(), values.end());
  const auto tail = static_cast<std::size_t>(kTail * static_cast<double>(draws));
  f.low = values[tail];
  f.high = values[draws - 1 - tail];
}

}  // namespace

Figure proportion(std::int64_t hits, std::int64_t n) {
  if (n <= 0) return {};
  constexpr double kZ = 1.959963984540054;  // of 95 %
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(hits) / count, z2 = kZ * kZ;
  const double center = (p + z2 / (2 * count)) / (1 + z2 / count);
  const double half =
      kZ / (1 + z2 / count) * std::sqrt(p * (1 - p) / count + z2 / (4 * count * count));
  return {p, hits == 0 ? 0 : std::max(0.0, center - half),
          hits == n ? 1 : std::min(1.0, center + half), n};
}

Figure figure_of(std::span<const Share> shares) {
  const Share sum = sum_of(shares);
  const auto n = static_cast<std::int64_t>(shares.size());
  const bool trials = std::all_of(shares.begin(), shares.end(), [](const Share& s) {
    return s.whole == 1 && (s.part == 0 || s.part == 1);
  });
  if (trials) return proportion(static_cast<std::int64_t>(sum.part), n);
  Figure f{ratio(sum), ratio(sum), ratio(sum), n};
  bootstrap(f, shares.size(), [&](const auto& pick) {
    Share drawn;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const Share& s = shares[pick()];
      drawn.part += s.part;
      drawn.whole += s.whole;
    }
    return ratio(drawn);
  });
  return f;
}

Figure paired_difference(std::span<const Share> a, std::span<const Share> b) {
  const double value = ratio(sum_of(b)) - ratio(sum_of(a));
  Figure f{value, value, value, static_cast<std::int64_t>(a.size())};
  bootstrap(f, std::min(a.size(), b.size()), [&](const auto& pick) {
    Share of_a, of_b;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const std::size_t k = pick();
      of_a = {of_a.part + a[k].part, of_a.whole + a[k].whole};
      of_b = {of_b.part + b[k].part, of_b.whole + b[k].whole};
    }
    return ratio(of_b) - ratio(of_a);
  });
  return f;
}

}  // namespace gossamer::measure
