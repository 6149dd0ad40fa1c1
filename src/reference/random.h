// Random: numbers that depend on a seed, the node and the element's index only, so any order and
// any number of threads give the same ones.
#pragma once

#include <array>
#include <span>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class Distribution : std::uint8_t {
  uniform,
  normal
};  // over [0, 1); of mean 0 and variance 1
constexpr std::array<std::string_view, 2> kDistributionNames = {"uniform", "normal"};
constexpr std::span<const std::string_view> enum_names(Distribution) { return kDistributionNames; }

struct RandomAttributes {
  Distribution distribution = Distribution::uniform;
  DType dtype = DType::f32;  // f32 or f64
  // With a fixed seed every run, and every node of that seed, gives the same numbers; else run and
  // node decide.
  bool fixed = false;
  std::int64_t seed = 0;
  static constexpr auto kFields =
      std::tuple(field("distribution", &RandomAttributes::distribution),
                 field("dtype", &RandomAttributes::dtype), field("fixed", &RandomAttributes::fixed),
                 field("seed", &RandomAttributes::seed));
};

namespace reference {
// operand extent i64[r] -> y of that shape.
Status random(const RandomAttributes& a, Context& c);

// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; 2011).
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);
}  // namespace reference

}  // namespace gossamer
