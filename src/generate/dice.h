// Dice: a stream of random choices that depends on the seed only.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace gossamer::generate {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : seed_(seed) {}

  std::uint64_t next();
  // In [0, n); n is positive.
  std::int64_t below(std::int64_t n);
  // In [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  int axis(int rank) { return static_cast<int>(below(rank)); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
  }
  // A number of a grid that every float of at least 8 bits of precision holds: multiples of 1/64
  // in [-2, 2].
  double grid() { return static_cast<double>(between(-128, 128)) / 64; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

}  // namespace gossamer::generate
