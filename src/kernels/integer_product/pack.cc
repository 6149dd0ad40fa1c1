// Weights of integer products in panels of 16 columns and quads of channels.
#include <cstring>

#include "kernels/integer_product/integer_layout.h"

namespace gossamer::kernels {

IntegerLayout::IntegerLayout(const IntegerProductStep& step) {
  for (const std::int64_t k : step.kernel) taps *= k;
  channels = step.channels / step.group;
  filters = step.filters / step.group;
  run = (channels + kQuad - 1) / kQuad * kQuad;
  quads = (taps + kQuad - 1) / kQuad;
  if (step.kernel.size() == 2 && step.kernel[0] > 1 && step.kernel[1] > 1 &&
      step.kernel[0] <= kMaxStripQuads * kQuad && step.kernel[1] <= kMaxStripColumns &&
      (step.dilations.empty() || step.dilations[1] == 1)) {
    const std::int64_t of_line = (step.kernel[0] + kQuad - 1) / kQuad;
    strips = step.kernel[1] * of_line <= kMaxDepthwiseQuads;
    if (strips) {
      kernel_columns = step.kernel[1];
      line_quads = of_line;
      quads = kernel_columns * line_quads;
    }
  }
  depthwise = step.group > 1 && channels == 1 && filters == 1 && quads <= kMaxDepthwiseQuads &&
              !step.weight_zeros;
  if (depthwise) {
    const std::int64_t blocks = (step.channels + kDepthwiseBlock - 1) / kDepthwiseBlock;
    columns = blocks * kDepthwiseBlock;
    weights = columns * quads * kQuad;
  } else {
    panels = (filters + kIntegerPanel - 1) / kIntegerPanel;
    panel = taps * run * kIntegerPanel;
    columns = step.group * panels * kIntegerPanel;
    weights = step.group * panels * panel;
  }
}

std::size_t packed_integer_product_size(const IntegerProductStep& step) {
  return static_cast<std::size_t>(IntegerLayout(step).size());
}

void pack_integer_product(const IntegerProductStep& step, const IntegerWeights& weights,
                          std::byte* packed) {
  const IntegerLayout l(step);
  std::memset(packed, 0, static_cast<std::size_t>(l.size()));
  auto* to = reinterpret_cast<std::int8_t*>(packed);
  auto* sums = reinterpret_cast<std::int32_t*>(packed + l.weights);
  std::int32_t* bias = sums + l.columns;
  for (std::int64_t m = 0; m < step.filters; ++m) {
    const std::int64_t g = m / l.filters, f = m % l.filters;
    const std::int64_t column = l.depthwise ? m : g * l.panels * kIntegerPanel + f;
    std::int8_t* place =
        l.depthwise ? to + m / kDepthwiseBlock * l.quads * kDepthwiseBlock * kQuad +
                          m % kDepthwiseBlock * kQuad
                    : to + column / kIntegerPanel * l.panel + column % kIntegerPanel * kQuad;
    const std::int64_t step_of_quads = (l.depthwise ? kDepthwiseBlock : kIntegerPanel) * kQuad;
    const std::int32_t zero = weights.zeros ? weights.zeros[m] : 0;
    std::uint32_t sum = 0;
    for (std::int64_t t = 0; t < l.taps; ++t)
      for (std::int64_t c = 0; c < l.channels; ++c) {
        const std::int8_t w = weights.w[m * weights.filter + c * weights.channel + t * weights.tap];
        const std::int64_t k = l.depthwise ? l.tap_place(t) : t * l.run + c;
        place[k / kQuad * step_of_quads + k % kQuad] = w;
        sum += static_cast<std::uint32_t>(w - zero);
      }
    sums[column] = static_cast<std::int32_t>(sum);
    bias[column] = weights.bias ? weights.bias[m] : 0;
  }
}

}  // namespace gossamer::kernels
