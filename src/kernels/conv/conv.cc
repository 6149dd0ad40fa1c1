// Conv as one correlation.
#include "kernels/conv/conv.h"

#include <numeric>
#include <utility>

#include "kernels/conv/correlation.h"
#include "kernels/conv/weights.h"
#include "kernels/conv/winograd.h"
#include "kernels/gemm/bf16.h"

namespace gossamer::kernels {
namespace {

// By a Correlation, or by Winograd's products.
template <class Algorithm>
class Conv final : public Prepared {
 public:
  // `pairs`: each step counts for two.
  Conv(Algorithm correlation, bool bias, bool pairs)
      : correlation_(std::move(correlation)), bias_(bias) {
    parts = correlation_.parts();
    workspace = correlation_.workspace();
    flops = correlation_.flops() * (pairs ? 2 : 1);
    bytes = correlation_.bytes();
  }

  void run(const Addresses& addresses, int part, int parts_now) const override {
    Correlation::Run run;
    run.x = static_cast<const float*>(addresses.inputs[0]);
    run.weights = static_cast<const float*>(addresses.inputs[1]);
    run.bias = bias_ ? static_cast<const float*>(addresses.inputs[2]) : nullptr;
    run.operands = addresses.inputs + (bias_ ? 3 : 2);
    run.y = static_cast<float*>(addresses.outputs[0]);
    run.workspace = addresses.workspace;
    correlation_.run(run, part, parts_now);
  }

 private:
  Algorithm correlation_;
  bool bias_;
};

// The step on pairs of channels.
Result<ConvStep> on_pairs(const ConvStep& step) {
  ConvStep s = step;
  s.bf16 = false;
  s.channels /= 2;
  const bool even = step.group > 0 && step.channels % 2 == 0 && s.channels % step.group == 0;
  if (!even || is_depthwise(s.group, s.channels))
    return internal_error("Conv: bf16 takes pairs of channels, two pairs or more a group");
  return s;
}

Result<PreparedPtr> prepare_floats(const ConvStep& step, const Shapes& shapes, bool pairs) {
  const SpatialStep spatial = {step.kernel, step.strides,  step.dilations, step.pads_begin,
                               step.group,  step.channels, step.filters,   step.bias};
  TRY(check_numbers("Conv", spatial));
  TRY(check_spatial("Conv", spatial, shapes, packed_conv_size(step)));
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  CorrelationSpec spec;
  spec.x = x;
  spec.y = y;
  spec.operands = shapes.inputs.subspan(step.bias ? 3 : 2);
  spec.group = step.group;
  spec.low = step.low;
  spec.high = step.high;
  spec.epilogue = &step.epilogue;
  spec.level = shapes.level;
  spec.threads = shapes.threads;
  spec.pairs = pairs;
  const std::size_t space = step.kernel.size();
  for (std::size_t i = 0; i < space; ++i) {
    CorrelationAxis& axis = spec.axes[kSpace - space + i];
    axis.in = x.extents[2 + i];
    axis.out = y.extents[2 + i];
    axis.step = number_of(step.strides, i, 1);
    axis.taps.clear();
    for (std::int64_t k = 0; k < step.kernel[i]; ++k)
      axis.taps.push_back(k * number_of(step.dilations, i, 1) - number_of(step.pads_begin, i, 0));
  }
  if (!pairs)
    if (std::optional<Winograd> winograd = Winograd::make(spec))
      return PreparedPtr(std::make_unique<Conv<Winograd>>(std::move(*winograd), step.bias, false));
  ASSIGN(Correlation correlation, Correlation::make(spec));
  return PreparedPtr(std::make_unique<Conv<Correlation>>(std::move(correlation), step.bias, pairs));
}

Result<PreparedPtr> prepare_pairs(const ConvStep& step, const Shapes& shapes) {
  ASSIGN(const ConvStep halved, on_pairs(step));
  if (shapes.inputs.empty() || shapes.inputs[0].rank < 2 || shapes.inputs[0].rank > kMaxAxes)
    return internal_error("Conv: wrong number of operands");
  std::vector<View> inputs(shapes.inputs.begin(), shapes.inputs.end());
  ASSIGN(inputs[0], as_pairs(inputs[0], 1));
  Shapes rest = shapes;
  rest.inputs = inputs;
  return prepare_floats(halved, rest, true);
}

}  // namespace

Result<PreparedPtr> prepare(const ConvStep& step, const Shapes& shapes) {
  if (step.bf16) return prepare_pairs(step, shapes);
  return prepare_floats(step, shapes, false);
}
std::size_t packed_conv_size(const ConvStep& step) {
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
  const std::int64_t channels = step.bf16 ? step.channels / 2 : step.channels;
  return sizeof(float) *
         static_cast<std::size_t>(correlation_weights(step.group, channels, step.filters, taps));
}

void pack_conv(const ConvStep& step, const float* w, float* packed) {
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
  if (step.bf16) {
    ConvStep halved = step;
    halved.bf16 = false;
    halved.channels /= 2;
    const std::vector<float> pairs = pairs_of(w, step.filters, halved.channels / step.group, taps);
    return pack_conv(halved, pairs.data(), packed);
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(taps));
  std::iota(order.begin(), order.end(), 0);
  const std::int64_t channels = step.channels / step.group;
  // Dense [group][filters][channels][taps], filters and channels of a group.
  const WeightLayout layout = {step.group,      step.channels,
                               step.filters,    step.filters / step.group * channels * taps,
                               channels * taps, taps};
  pack_correlation(layout, order, w, packed);
}

}  // namespace gossamer::kernels
