// A measured figure with its 95 % interval.
#pragma once

#include <cstdint>
#include <span>

namespace gossamer::measure {

struct Figure {
  double value = 0;
  double low = 0, high = 0;  // 95 %; both equal to value where nothing is known of its spread
  std::int64_t n = 0;        // samples that it is of
};

// What one sample brought: the figure over all samples is the sum of parts over that of wholes.
struct Share {
  double part = 0, whole = 0;
};

// Share of `hits` in n trials by Wilson's score interval (Wilson, 1927).
Figure proportion(std::int64_t hits, std::int64_t n);

// Wilson's interval where every share is one trial; else the bootstrap over samples (Efron, 1979),
// the 2.5 % and 97.5 % points of up to 2,000 draws of a fixed seed.
Figure figure_of(std::span<const Share> shares);

// b's figure minus a's, drawn in pairs: `a` and `b` are of the same samples.
Figure paired_difference(std::span<const Share> a, std::span<const Share> b);

}  // namespace gossamer::measure
