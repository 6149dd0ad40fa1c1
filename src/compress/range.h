// Which interval of the numbers that came the quantized ones shall cover.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "compress/histogram.h"

namespace gossamer::compress {

enum class Observer : std::uint8_t {
  min_max,         // all of them
  moving_average,  // least and greatest of a sample, averaged from sample to sample
  percentile,      // but the outermost few
  mse,             // least squared error of rounding and clipping
  kl,              // least Kullback-Leibler divergence of the quantized histogram from the real one
  symmetric_kl,    // the sum of that and the divergence the other way around
  js               // Jensen-Shannon divergence
};
std::span<const std::string_view> enum_names(Observer);

struct Range {
  double low = 0, high = 0;
};

struct RangeOptions {
  Observer observer = Observer::mse;
  double percentile = 99.999;  // of the numbers, kept
  int bits = 8;
  bool symmetric = false;  // low = -high
};

// `average` is what moving_average found. The range holds 0 and is never empty. The divergences
// follow Migacz, "8-bit Inference with TensorRT" (2017): of all intervals around the histogram's
// bulk, that whose quantized counts tell least apart from the counts as they are.
Range choose_range(const Histogram& histogram, Range average, const RangeOptions& options);

// A linear quantizer onto integers from `least` to `greatest`.
struct Linear {
  float scale = 1;
  std::int32_t zero_point = 0;
};
Linear linear_for(Range range, std::int32_t least, std::int32_t greatest, bool symmetric);

}  // namespace gossamer::compress
