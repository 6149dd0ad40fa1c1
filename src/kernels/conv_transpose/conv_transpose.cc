// ConvTranspose as correlations. Outputs whose coordinates leave the same remainders when divided
// by the strides are met by the same taps: they are a phase, one correlation of step 1 whose
// results go to every so-manieth pixel of y.
#include "kernels/conv_transpose/conv_transpose.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/conv/correlation.h"
#include "kernels/conv/weights.h"

namespace gossamer::kernels {
namespace {

constexpr std::int64_t kMaxPhases = 4096;

struct Part {
  Correlation correlation;
  std::int64_t weights = 0;            // where its weights begin
  std::int64_t y = 0;                  // of its first output, in elements
  std::vector<std::int64_t> operands;  // likewise, in bytes
};

class ConvTranspose final : public Prepared {
 public:
  ConvTranspose(std::vector<Part> phases, bool bias) : phases_(std::move(phases)), bias_(bias) {
    for (const Part& p : phases_) {
      parts = std::max(parts, p.correlation.parts());
      workspace = std::max(workspace, p.correlation.workspace());
      flops += p.correlation.flops();
      bytes += p.correlation.bytes();
    }
  }

  void run(const Addresses& addresses, int part, int parts_now) const override {
    const void* const* operands = addresses.inputs + (bias_ ? 3 : 2);
    const void* moved[kMaxEpilogueOperands];
    Correlation::Run run;
    run.x = static_cast<const float*>(addresses.inputs[0]);
    run.bias = bias_ ? static_cast<const float*>(addresses.inputs[2]) : nullptr;
    run.operands = moved;
    run.workspace = addresses.workspace;
    for (const Part& p : phases_) {
      run.weights = static_cast<const float*>(addresses.inputs[1]) + p.weights;
      run.y = static_cast<float*>(addresses.outputs[0]) + p.y;
      for (std::size_t i = 0; i < p.operands.size(); ++i)
        moved[i] = static_cast<const char*>(operands[i]) + p.operands[i];
      p.correlation.run(run, part, parts_now);
    }
  }

 private:
  std::vector<Part> phases_;
  bool bias_;
};

struct Axis {
  std::int64_t stride = 1, dilation = 1, pad = 0;
};

Axis axis_of(const ConvTransposeStep& step, std::size_t i) {
  return {number_of(step.strides, i, 1), number_of(step.dilations, i, 1),
          number_of(step.pads_begin, i, 0)};
}

std::int64_t remainder(std::int64_t a, std::int64_t b) { return (a % b + b) % b; }

// The taps of an axis that meet outputs of that remainder, in the order of what they read.
std::vector<std::int64_t> taps_of(const Axis& axis, std::int64_t kernel, std::int64_t phase) {
  std::vector<std::int64_t> taps;
  for (std::int64_t k = kernel; k-- > 0;)
    if (remainder(phase + axis.pad - k * axis.dilation, axis.stride) == 0) taps.push_back(k);
  return taps;
}

// A phase: its remainders, and which taps it has along each axis.
struct Phase {
  std::array<std::int64_t, kSpace> at{};
  std::array<std::vector<std::int64_t>, kSpace> taps;
  std::int64_t tap_count = 1;
};

bool few_phases(const ConvTransposeStep& step) {
  std::int64_t count = 1;
  for (std::size_t i = 0; i < step.kernel.size(); ++i) {
    const std::int64_t stride = number_of(step.strides, i, 1);
    if (stride > kMaxPhases) return false;
    count *= stride;
  }
  return count <= kMaxPhases;
}

std::vector<Phase> phases_of(const ConvTransposeStep& step) {
  std::vector<Phase> out(1);
  for (std::size_t i = 0; i < step.kernel.size(); ++i) {
    const Axis axis = axis_of(step, i);
    std::vector<Phase> more;
    for (const Phase& outer : out)
      for (std::int64_t phase = 0; phase < axis.stride; ++phase) {
        Phase p = outer;
        p.at[i] = phase;
        p.taps[i] = taps_of(axis, step.kernel[i], phase);
        p.tap_count *= std::ssize(p.taps[i]);
        more.push_back(std::move(p));
      }
    out = std::move(more);
  }
  return out;
}

std::int64_t weights_of(const ConvTransposeStep& step, std::int64_t taps) {
  return correlation_weights(step.group, step.channels, step.filters, taps);
}

// Every stride-th pixel of a view from that phase on. Returns where the first one lies.
std::int64_t thin(const ConvTransposeStep& step, const Phase& phase, View& v) {
  std::int64_t first = 0;
  for (std::size_t i = 0; i < step.kernel.size(); ++i) {
    const std::size_t a = 2 + i;
    const std::int64_t stride = number_of(step.strides, i, 1);
    first += phase.at[i] * v.strides[a];
    v.extents[a] = std::max<std::int64_t>((v.extents[a] - phase.at[i] + stride - 1) / stride, 0);
    v.strides[a] *= stride;
  }
  return first;
}

// The correlation of one phase.
Result<Part> part_of(const ConvTransposeStep& step, const Shapes& shapes, const Phase& phase,
                     std::span<const View> operands) {
  Part part;
  CorrelationSpec spec;
  spec.x = shapes.inputs[0];
  spec.y = shapes.outputs[0];
  part.y = thin(step, phase, spec.y);
  std::vector<View> thinned(operands.begin(), operands.end());
  for (View& v : thinned) {
    for (std::size_t a = 2; a < static_cast<std::size_t>(v.rank); ++a)
      if (v.extents[a] == 1) {
        v.strides[a] = 0;
        v.extents[a] = shapes.outputs[0].extents[a];
      }
    const std::int64_t first = thin(step, phase, v);
    part.operands.push_back(first * static_cast<std::int64_t>(dtype_size(v.dtype)));
  }
  spec.operands = thinned;
  spec.group = step.group;
  spec.low = step.low;
  spec.high = step.high;
  spec.epilogue = &step.epilogue;
  spec.level = shapes.level;
  spec.threads = shapes.threads;
  const std::size_t space = step.kernel.size();
  for (std::size_t i = 0; i < space; ++i) {
    const Axis from = axis_of(step, i);
    CorrelationAxis& axis = spec.axes[kSpace - space + i];
    axis.in = spec.x.extents[2 + i];
    axis.out = spec.y.extents[2 + i];
    axis.taps.clear();
    for (const std::int64_t k : phase.taps[i])
      axis.taps.push_back((phase.at[i] + from.pad - k * from.dilation) / from.stride);
  }
  ASSIGN(part.correlation, Correlation::make(spec));
  return part;
}

}  // namespace

Result<PreparedPtr> prepare(const ConvTransposeStep& step, const Shapes& shapes) {
  const SpatialStep spatial = {step.kernel, step.strides,  step.dilations, step.pads_begin,
                               step.group,  step.channels, step.filters,   step.bias};
  TRY(check_spatial("ConvTranspose", spatial, shapes, packed_conv_transpose_size(step)));
  if (!few_phases(step)) return unsupported("ConvTranspose: strides of so many phases");
  const std::span<const View> operands = shapes.inputs.subspan(step.bias ? 3 : 2);
  for (const View& v : operands)
    if (v.rank != shapes.outputs[0].rank)
      return internal_error("ConvTranspose: an operand of the epilogue of another rank");
  std::vector<Part> parts;
  std::int64_t taps = 0;
  for (const Phase& phase : phases_of(step)) {
    const std::int64_t weights = weights_of(step, taps);
    taps += phase.tap_count;
    bool empty = false;
    for (std::size_t i = 0; i < step.kernel.size(); ++i)
      empty = empty || phase.at[i] >= shapes.outputs[0].extents[2 + i];
    if (empty) continue;
    ASSIGN(Part part, part_of(step, shapes, phase, operands));
    part.weights = weights;
    parts.push_back(std::move(part));
  }
  return PreparedPtr(std::make_unique<ConvTranspose>(std::move(parts), step.bias));
}

std::size_t packed_conv_transpose_size(const ConvTransposeStep& step) {
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
  return sizeof(float) * static_cast<std::size_t>(weights_of(step, taps));
}

void pack_conv_transpose(const ConvTransposeStep& step, const float* w, float* packed) {
  if (!few_phases(step)) return;
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
  const std::int64_t filters = step.filters / step.group, channels = step.channels / step.group;
  // Dense [group][channels][filters][taps], filters and channels of a group.
  const WeightLayout layout = {step.group, step.channels, step.filters, channels * filters * taps,
                               taps,       filters * taps};
  const std::size_t space = step.kernel.size();
  for (const Phase& phase : phases_of(step)) {
    std::vector<std::int64_t> order = {0};
    for (std::size_t i = 0; i < space; ++i) {
      std::vector<std::int64_t> more;
      for (const std::int64_t outer : order)
        for (const std::int64_t k : phase.taps[i]) more.push_back(outer * step.kernel[i] + k);
      order = std::move(more);
    }
    pack_correlation(layout, order, w, packed);
    packed += weights_of(step, phase.tap_count);
  }
}

}  // namespace gossamer::kernels
