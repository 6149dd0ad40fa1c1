// Checks and weights that Conv and ConvTranspose share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/kernel.h"

namespace gossamer::kernels {

// What a step of either says about space and channels.
struct SpatialStep {
  const std::vector<std::int64_t>&kernel, &strides, &dilations, &pads_begin;
  std::int64_t group = 1, channels = 0, filters = 0;
  bool bias = false;
};
// Whether a step's numbers are such that sizes can be computed from them: to be asked first.
Status check_numbers(std::string_view name, const SpatialStep& step);
// Whether the operands (x, packed w of `packed` bytes, perhaps bias) fit the step.
Status check_spatial(std::string_view name, const SpatialStep& step, const Shapes& shapes,
                     std::size_t packed);
// A list's number for that axis, `missing` where the list is empty.
inline std::int64_t number_of(const std::vector<std::int64_t>& list, std::size_t axis,
                              std::int64_t missing) {
  return list.empty() ? missing : list[axis];
}

// Weights in their own layout: that of filter f (of all groups), channel c (of its group) and tap t
// is w[f / per_group * group_stride + f % per_group * filter_stride + c * channel_stride + t],
// where per_group is filters / group.
struct WeightLayout {
  std::int64_t group = 1, channels = 0, filters = 0;
  std::int64_t group_stride = 0, filter_stride = 0, channel_stride = 0;
};
// Packs the taps listed, in that order, as Correlation wants them.
void pack_correlation(const WeightLayout& layout, const std::vector<std::int64_t>& taps,
                      const float* w, float* packed);

}  // namespace gossamer::kernels
