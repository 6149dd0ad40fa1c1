// Weights of integer products in panels of 16 columns and quads of channels.
#include <algorithm>
#include <array>
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

namespace {

// One panel: quads of channels, in each 16 columns. Whole quads of whole panels go by words, so
// that weights are read and written in about the order in which they lie.
class PanelPacker {
 public:
  PanelPacker(const IntegerWeights& weights, const IntegerLayout& layout)
      : w_(weights), l_(layout) {}

  // Columns [0, count) of the panel are the filters from `first` on.
  void pack(std::int64_t first, std::int64_t count, std::int8_t* panel, std::int32_t* sums) const {
    std::array<std::uint32_t, kIntegerPanel> sum{};
    for (std::int64_t t = 0; t < l_.taps; ++t)
      for (std::int64_t q = 0; q < l_.run / kQuad; ++q) {
        const std::int64_t channels = std::min<std::int64_t>(l_.channels - q * kQuad, kQuad);
        std::int8_t* to = panel + (t * l_.run + q * kQuad) * kIntegerPanel;
        const std::int8_t* from = w_.w + first * w_.filter + q * kQuad * w_.channel + t * w_.tap;
        for (std::int64_t j = 0; j < count; ++j, from += w_.filter, to += kQuad)
          sum[static_cast<std::size_t>(j)] += quad(from, channels, to);
      }
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int32_t zero = w_.zeros ? w_.zeros[first + j] : 0;
      const auto depth = static_cast<std::uint32_t>(l_.taps * l_.channels);
      sums[j] = static_cast<std::int32_t>(sum[static_cast<std::size_t>(j)] -
                                          depth * static_cast<std::uint32_t>(zero));
    }
  }

 private:
  std::uint32_t quad(const std::int8_t* from, std::int64_t channels, std::int8_t* to) const {
    if (channels == kQuad) {
      const std::array<std::int8_t, kQuad> four = {from[0], from[w_.channel], from[2 * w_.channel],
                                                   from[3 * w_.channel]};
      std::memcpy(to, four.data(), kQuad);
      return static_cast<std::uint32_t>(four[0] + four[1] + four[2] + four[3]);
    }
    std::int32_t sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
      to[c] = from[c * w_.channel];
      sum += to[c];
    }
    return static_cast<std::uint32_t>(sum);
  }

  const IntegerWeights& w_;
  const IntegerLayout& l_;
};

void pack_depthwise(const IntegerProductStep& step, const IntegerWeights& weights,
                    const IntegerLayout& l, std::int8_t* to, std::int32_t* sums) {
  for (std::int64_t m = 0; m < step.filters; ++m) {
    std::int8_t* place =
        to + m / kDepthwiseBlock * l.quads * kDepthwiseBlock * kQuad + m % kDepthwiseBlock * kQuad;
    const std::int32_t zero = weights.zeros ? weights.zeros[m] : 0;
    std::int32_t sum = 0;
    for (std::int64_t t = 0; t < l.taps; ++t) {
      const std::int8_t w = weights.w[m * weights.filter + t * weights.tap];
      const std::int64_t k = l.tap_place(t);
      place[k / kQuad * kDepthwiseBlock * kQuad + k % kQuad] = w;
      sum += w - zero;
    }
    sums[m] = sum;
  }
}

}  // namespace

void pack_integer_product(const IntegerProductStep& step, const IntegerWeights& weights,
                          std::byte* packed) {
  const IntegerLayout l(step);
  // Whole panels of whole quads leave no gap among the weights.
  const bool full = !l.depthwise && l.run == l.channels && l.filters % kIntegerPanel == 0;
  const std::int64_t written = full ? l.weights : 0;
  std::memset(packed + written, 0, static_cast<std::size_t>(l.size() - written));
  auto* to = reinterpret_cast<std::int8_t*>(packed);
  auto* sums = reinterpret_cast<std::int32_t*>(packed + l.weights);
  std::int32_t* bias = sums + l.columns;
  if (l.depthwise) pack_depthwise(step, weights, l, to, sums);
  const PanelPacker packer(weights, l);
  for (std::int64_t p = 0; !l.depthwise && p < step.group * l.panels; ++p) {
    const std::int64_t f = p % l.panels * kIntegerPanel;
    packer.pack(p / l.panels * l.filters + f, std::min<std::int64_t>(l.filters - f, kIntegerPanel),
                to + p * l.panel, sums + p * kIntegerPanel);
  }
  for (std::int64_t m = 0; weights.bias && m < step.filters; ++m) {
    const std::int64_t g = m / l.filters, f = m % l.filters;
    bias[l.depthwise ? m : g * l.panels * kIntegerPanel + f] = weights.bias[m];
  }
}

}  // namespace gossamer::kernels
