// Dice, on Philox: draw number n of a seed is a function of both and nothing else.
#include "generate/dice.h"

#include "reference/random.h"

namespace gossamer::generate {

std::uint64_t Dice::next() {
  const std::uint64_t n = count_++;
  const auto words = reference::philox(
      {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), 0, 0},
      {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
  return std::uint64_t{words[0]} << 32 | words[1];
}

std::int64_t Dice::below(std::int64_t n) {
  return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n));
}

}  // namespace gossamer::generate
