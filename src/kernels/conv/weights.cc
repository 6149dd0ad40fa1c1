// Checks and weights that Conv and ConvTranspose share.
#include "kernels/conv/weights.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/conv/correlation.h"

namespace gossamer::kernels {
namespace {

bool lists_fit(const SpatialStep& step) {
  const std::size_t space = step.kernel.size();
  const auto fits = [&](const std::vector<std::int64_t>& list, std::int64_t least) {
    if (!list.empty() && list.size() != space) return false;
    for (const std::int64_t v : list)
      if (v < least) return false;
    return true;
  };
  return space >= 1 && space <= kSpace && fits(step.kernel, 1) && fits(step.strides, 1) &&
         fits(step.dilations, 1) && fits(step.pads_begin, INT64_MIN);
}

}  // namespace

Status check_numbers(std::string_view name, const SpatialStep& step) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const auto within = [](std::int64_t v) { return v >= -kMost && v <= kMost; };
  bool fits = within(step.group) && within(step.channels) && within(step.filters);
  double weights = static_cast<double>(step.channels) * static_cast<double>(step.filters);
  for (const std::int64_t k : step.kernel) weights *= static_cast<double>(k);
  for (const auto* list : {&step.kernel, &step.dilations, &step.pads_begin})
    fits = fits && std::all_of(list->begin(), list->end(), within);
  for (const std::int64_t v : step.strides) fits = fits && v <= kMost * 1024;
  if (fits && std::abs(weights) < 0x1p50 && step.kernel.size() <= kSpace && step.group > 0)
    return {};
  return internal_error(std::string(name) + ": numbers beyond all extents");
}

Status check_spatial(std::string_view name, const SpatialStep& step, const Shapes& shapes,
                     std::size_t packed) {
  const auto wrong = [&](const char* what) {
    return internal_error(std::string(name) + ": " + what);
  };
  const std::size_t fixed = step.bias ? 3 : 2;
  if (shapes.inputs.size() < fixed || shapes.outputs.size() != 1)
    return wrong("wrong number of operands");
  const View &x = shapes.inputs[0], &w = shapes.inputs[1], &y = shapes.outputs[0];
  if (x.dtype != DType::f32 || y.dtype != DType::f32)
    return unsupported(std::string(name) + ": operands other than f32");
  if (!lists_fit(step)) return wrong("one kernel extent, stride, ... is needed a spatial axis");
  const int rank = static_cast<int>(step.kernel.size()) + 2;
  if (x.rank != rank || y.rank != rank) return wrong("operands of another rank");
  if (step.group < 1 || step.channels < 1 || step.filters < 0 || step.channels % step.group != 0 ||
      step.filters % step.group != 0)
    return wrong("groups that do not divide the channels");
  if (x.extents[0] != y.extents[0] || x.extents[1] != step.channels || y.extents[1] != step.filters)
    return wrong("extents of operands contradict each other");
  if (!w.dense() || static_cast<std::size_t>(w.count()) * dtype_size(w.dtype) < packed)
    return wrong("packed weights are too small");
  if (step.bias) {
    const View& bias = shapes.inputs[2];
    if (bias.dtype != DType::f32 || bias.count() != step.filters ||
        (bias.count() > 1 && !bias.dense()))
      return wrong("the bias does not fit");
  }
  return {};
}

void pack_correlation(const WeightLayout& layout, const std::vector<std::int64_t>& taps,
                      const float* w, float* packed) {
  const std::int64_t filters = layout.filters / layout.group;
  const std::int64_t channels = layout.channels / layout.group;
  const auto weight = [&](std::int64_t g, std::int64_t f, std::int64_t c, std::int64_t tap) {
    return w[g * layout.group_stride + f * layout.filter_stride + c * layout.channel_stride + tap];
  };
  if (is_depthwise(layout.group, layout.channels)) {
    const std::int64_t stride = panels_of(layout.filters) * kPanel;
    for (const std::int64_t tap : taps)
      for (std::int64_t f = 0; f < stride; ++f)
        *packed++ = f < layout.filters ? weight(f / filters, f % filters, 0, tap) : 0;
    return;
  }
  for (std::int64_t g = 0; g < layout.group; ++g)
    for (std::int64_t first = 0; first < filters; first += kPanel)
      for (const std::int64_t tap : taps)
        for (std::int64_t c = 0; c < channels; ++c)
          for (std::int64_t f = first; f < first + kPanel; ++f)
            *packed++ = f < filters ? weight(g, f, c, tap) : 0;
}

}  // namespace gossamer::kernels
