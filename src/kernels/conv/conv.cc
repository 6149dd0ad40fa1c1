// Conv as one correlation.
#include "kernels/conv/conv.h"

#include <numeric>
#include <utility>

#include "kernels/conv/correlation.h"
#include "kernels/conv/weights.h"
#include "kernels/conv/winograd.h"

namespace gossamer::kernels {
namespace {

// By a Correlation, or by Winograd's products.
template <class Algorithm>
class Conv final : public Prepared {
 public:
  Conv(Algorithm correlation, bool bias) : correlation_(std::move(correlation)), bias_(bias) {
    parts = correlation_.parts();
    workspace = correlation_.workspace();
    flops = correlation_.flops();
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

}  // namespace

Result<PreparedPtr> prepare(const ConvStep& step, const Shapes& shapes) {
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
  if (std::optional<Winograd> winograd = Winograd::make(spec))
    return PreparedPtr(std::make_unique<Conv<Winograd>>(std::move(*winograd), step.bias));
  ASSIGN(Correlation correlation, Correlation::make(spec));
  return PreparedPtr(std::make_unique<Conv<Correlation>>(std::move(correlation), step.bias));
}

std::size_t packed_conv_size(const ConvStep& step) {
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
  return sizeof(float) * static_cast<std::size_t>(
                             correlation_weights(step.group, step.channels, step.filters, taps));
}

void pack_conv(const ConvStep& step, const float* w, float* packed) {
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
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
