// Weights as small integers with scales.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compress/layers.h"

namespace gossamer::compress {

enum class Granularity : std::uint8_t { tensor, channel, block };
std::span<const std::string_view> enum_names(Granularity);
enum class WeightRange : std::uint8_t { max, mse };
std::span<const std::string_view> enum_names(WeightRange);
enum class Rounding : std::uint8_t {
  nearest,
  // Column by column, each rounding error fed forward into the columns to come so that the layer's
  // output on the samples changes least (Frantar et al., "GPTQ", 2023).
  reconstruct
};
std::span<const std::string_view> enum_names(Rounding);

struct WeightScheme {
  std::int64_t bits = 8;
  Granularity granularity = Granularity::channel;
  std::int64_t block = 32;  // weights in a row that share a scale, for Granularity::block
  WeightRange range = WeightRange::mse;
  Rounding rounding = Rounding::nearest;
};

// Symmetric quantizers of a layer's weights, zero point 0.
struct QuantizedWeights {
  std::vector<std::int8_t> codes;  // in the order of the weights
  // One, one an output channel, or for each of these one a block of its row.
  std::vector<float> scales;
  std::int64_t block = 0;   // weights in a block; 0: no blocks
  std::int64_t blocks = 1;  // in a row

  float scale(std::int64_t row, std::int64_t k) const {
    if (scales.size() == 1) return scales[0];
    return scales[static_cast<std::size_t>(row * blocks + (block > 0 ? k / block : 0))];
  }
};

// Scales for each row (or for all, or for blocks, of which the last may be shorter), then nearest
// rounding.
QuantizedWeights quantize_nearest(std::span<const float> weights, const Rows& rows,
                                  const WeightScheme& scheme);

// The second moment of what a row of weights is multiplied with, over the samples: `groups`
// matrices of size x size, row-major, one for each `rows_per_group` rows.
struct Moments {
  std::int64_t groups = 1, size = 0;
  std::vector<float> sums;
  std::vector<double> first;  // groups x size: the sums of what is multiplied, paddings included
  std::int64_t rows = 0;      // in each of the sums
};

// Rounds anew for the scales that `q` has.
void reconstruct(std::span<const float> weights, const Rows& rows, const WeightScheme& scheme,
                 const Moments& moments, QuantizedWeights& q);

}  // namespace gossamer::compress
