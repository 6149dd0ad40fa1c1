// Packing of recurrent weights, once when a model is compiled.
#include <algorithm>
#include <array>

#include "kernels/recurrent/recurrent_layout.h"

namespace gossamer::kernels {

std::span<const std::string_view> enum_names(RecurrentCell) {
  static constexpr std::array<std::string_view, 3> kNames = {"lstm", "gru", "rnn"};
  return kNames;
}
std::span<const std::string_view> enum_names(RecurrentDirection) {
  static constexpr std::array<std::string_view, 3> kNames = {"forward", "reverse", "both"};
  return kNames;
}

namespace {

// One direction's matrix [gates * hidden][depth], its gates [first, first + count), as blocks
// [depth][count][16] at `to`, which is all zeros.
void pack_matrix(const RecurrentLayout& l, const float* from, std::int64_t depth, int first,
                 int count, float* to) {
  for (std::int64_t unit = 0; unit < l.hidden; ++unit)
    for (int g = 0; g < count; ++g) {
      const float* row = from + ((first + g) * l.hidden + unit) * depth;
      float* column = to + (unit / kUnits * depth * count + g) * kUnits + unit % kUnits;
      for (std::int64_t k = 0; k < depth; ++k) column[k * count * kUnits] = row[k];
    }
}

// The biases of input and state: summed, but for a gate whose state part passes a gate itself.
void pack_bias(const RecurrentStep& s, const RecurrentLayout& l, const float* bias, float* to) {
  const std::int64_t columns = l.gates * l.hidden;
  for (std::int64_t unit = 0; unit < l.hidden; ++unit) {
    for (int g = 0; g < l.gates; ++g) {
      const bool apart = s.reset_after && g >= l.early;
      const float of_x = bias[g * l.hidden + unit], of_h = bias[columns + g * l.hidden + unit];
      to[l.bias + (unit / kUnits * l.gates + g) * kUnits + unit % kUnits] =
          apart ? of_x : of_x + of_h;
      if (apart) to[l.bias_late + unit] = of_h;
    }
  }
}

}  // namespace

std::int64_t packed_recurrent_count(const RecurrentStep& step) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;  // units; products with gates fit by far
  if (step.inputs < 0 || step.hidden < 0 || step.inputs > kMost || step.hidden > kMost) return 0;
  return RecurrentLayout(step).count * step.directions();
}

void pack_recurrent(const RecurrentStep& step, const RecurrentWeights& weights,
                    std::span<float> packed) {
  const RecurrentLayout l(step);
  std::fill(packed.begin(), packed.end(), 0.0F);
  const std::int64_t columns = l.gates * l.hidden;
  for (int d = 0; d < step.directions(); ++d) {
    float* to = packed.data() + d * l.count;
    pack_matrix(l, weights.w + d * columns * l.inputs, l.inputs, 0, l.gates, to + l.w);
    const float* r = weights.r + d * columns * l.hidden;
    pack_matrix(l, r, l.hidden, 0, l.early, to + l.r);
    if (l.late() > 0) pack_matrix(l, r, l.hidden, l.early, l.late(), to + l.r_late);
    if (weights.bias) pack_bias(step, l, weights.bias + d * 2 * columns, to);
    if (l.peepholes && weights.peepholes)
      for (int i = 0; i < 3; ++i)
        std::copy_n(weights.peepholes + (d * 3 + i) * l.hidden, l.hidden,
                    to + l.peep + i * l.blocks * kUnits);
  }
}

}  // namespace gossamer::kernels
