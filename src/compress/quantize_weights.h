// Weights as small integers with scales.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compress/layers.h"

namespace gossamer::compress {

enum class Granularity : std::uint8_t { tensor, channel };
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
  WeightRange range = WeightRange::mse;
  Rounding rounding = Rounding::nearest;
};

// Symmetric quantizers of a layer's weights, zero point 0.
struct QuantizedWeights {
  std::vector<std::int8_t> codes;  // in the order of the weights
  std::vector<float> scales;       // one, or one an output channel
  float scale(std::int64_t row) const {
    return scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(row)];
  }
};

// Scales for each row (or for all), then nearest rounding.
QuantizedWeights quantize_nearest(std::span<const float> weights, const Rows& rows,
                                  const WeightScheme& scheme);

// The second moment of what a row of weights is multiplied with, over the samples: `groups`
// matrices of size x size, row-major, one for each `rows_per_group` rows.
struct Moments {
  std::int64_t groups = 1, size = 0;
  std::vector<float> sums;
};

// Rounds anew for the scales that `q` has.
void reconstruct(std::span<const float> weights, const Rows& rows, const WeightScheme& scheme,
                 const Moments& moments, QuantizedWeights& q);

}  // namespace gossamer::compress
