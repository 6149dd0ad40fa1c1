// ConvTranspose as correlations. Outputs whose coordinates leave the same remainders when divided
// by the strides are met by the same taps: they are a phase, one correlation of step 1 whose
// results go to every so-manieth pixel of y. Where windows neither overlap nor leave gaps and
// filters are few, all phases are one product whose columns are scattered.
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
  // Each part's bias is the operand so many times.
  ConvTranspose(std::vector<Part> phases, bool bias, std::int64_t filters, std::int64_t repeat)
      : phases_(std::move(phases)), bias_(bias), filters_(filters), repeat_(repeat) {
    for (const Part& p : phases_) {
      parts = std::max(parts, p.correlation.parts());
      workspace = std::max(workspace, p.correlation.workspace());
      flops += p.correlation.flops();
      bytes += p.correlation.bytes();
    }
    biases_ = workspace;
    if (bias_ && repeat_ > 1) workspace += static_cast<std::size_t>(filters_ * repeat_) * 4;
  }

  void run(const Addresses& addresses, int part, int parts_now) const override {
    const void* const* operands = addresses.inputs + (bias_ ? 3 : 2);
    const void* moved[kMaxEpilogueOperands];
    Correlation::Run run;
    run.x = static_cast<const float*>(addresses.inputs[0]);
    run.bias = bias_ ? static_cast<const float*>(addresses.inputs[2]) : nullptr;
    if (bias_ && repeat_ > 1) {
      auto* biases = reinterpret_cast<float*>(addresses.workspace + biases_);
      for (std::int64_t i = 0; i < repeat_; ++i)
        std::copy_n(run.bias, filters_, biases + i * filters_);
      run.bias = biases;
    }
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
  std::int64_t filters_, repeat_;
  std::size_t biases_ = 0;  // in the workspace
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

std::int64_t taps_of(const ConvTransposeStep& step) {
  std::int64_t taps = 1;
  for (const std::int64_t k : step.kernel) taps *= k;
  return taps;
}

// Whether every output meets one tap and one product of all phases saves much: a panel holds 16
// columns, however few are used. Its weights follow those of the phases.
bool scatters(const ConvTransposeStep& step) {
  for (std::size_t i = 0; i < step.kernel.size(); ++i) {
    const Axis axis = axis_of(step, i);
    if (axis.stride != step.kernel[i] || axis.pad != 0) return false;
    if (axis.dilation != 1 && step.kernel[i] > 1) return false;
  }
  const std::int64_t taps = taps_of(step);
  return step.group == 1 && taps > 1 &&
         4 * panels_of(taps * step.filters) <= 3 * taps * panels_of(step.filters);
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

CorrelationSpec common_spec(const ConvTransposeStep& step, const Shapes& shapes) {
  CorrelationSpec spec;
  spec.x = shapes.inputs[0];
  spec.y = shapes.outputs[0];
  spec.group = step.group;
  spec.low = step.low;
  spec.high = step.high;
  spec.epilogue = &step.epilogue;
  spec.level = shapes.level;
  spec.threads = shapes.threads;
  return spec;
}

// The correlation of one phase.
Result<Part> part_of(const ConvTransposeStep& step, const Shapes& shapes, const Phase& phase,
                     std::span<const View> operands) {
  Part part;
  CorrelationSpec spec = common_spec(step, shapes);
  part.y = thin(step, phase, spec.y);
  std::vector<View> thinned(operands.begin(), operands.end());
  for (View& v : thinned) {
    const std::int64_t first = thin(step, phase, v);
    part.operands.push_back(first * static_cast<std::int64_t>(dtype_size(v.dtype)));
  }
  spec.operands = thinned;
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

// All phases as one product.
Result<Part> scattered(const ConvTransposeStep& step, const Shapes& shapes,
                       std::span<const View> operands) {
  Part part;
  CorrelationSpec spec = common_spec(step, shapes);
  std::vector<View> thinned(operands.begin(), operands.end());
  for (const Phase& phase : phases_of(step)) {
    Finish::Offsets at{};
    View y = shapes.outputs[0];
    at[0] = thin(step, phase, y);
    for (std::size_t i = 0; i < operands.size() && i + 1 < at.size(); ++i) {
      thinned[i] = operands[i];
      at[i + 1] = thin(step, phase, thinned[i]);
    }
    if (spec.places.empty()) spec.y = y;
    spec.places.push_back(at);
  }
  spec.operands = thinned;
  const std::size_t space = step.kernel.size();
  for (std::size_t i = 0; i < space; ++i) {
    CorrelationAxis& axis = spec.axes[kSpace - space + i];
    axis.in = axis.out = spec.x.extents[2 + i];
  }
  part.operands.assign(operands.size(), 0);
  part.weights = weights_of(step, taps_of(step));
  ASSIGN(part.correlation, Correlation::make(spec));
  return part;
}

// Operands that repeat along an axis, spelled with y's extents.
std::vector<View> spelled_out(std::span<const View> operands, const View& y) {
  std::vector<View> out(operands.begin(), operands.end());
  for (View& v : out)
    for (std::size_t a = 2; a < static_cast<std::size_t>(v.rank); ++a)
      if (v.extents[a] == 1) {
        v.strides[a] = 0;
        v.extents[a] = y.extents[a];
      }
  return out;
}

}  // namespace

Result<PreparedPtr> prepare(const ConvTransposeStep& step, const Shapes& shapes) {
  const SpatialStep spatial = {step.kernel, step.strides,  step.dilations, step.pads_begin,
                               step.group,  step.channels, step.filters,   step.bias};
  TRY(check_numbers("ConvTranspose", spatial));
  TRY(check_spatial("ConvTranspose", spatial, shapes, packed_conv_transpose_size(step)));
  if (!few_phases(step)) return unsupported("ConvTranspose: strides of so many phases");
  const View& y = shapes.outputs[0];
  const std::vector<View> operands = spelled_out(shapes.inputs.subspan(step.bias ? 3 : 2), y);
  bool whole = scatters(step);
  for (std::size_t i = 0; i < step.kernel.size(); ++i)
    whole = whole && y.extents[2 + i] == shapes.inputs[0].extents[2 + i] * step.kernel[i];
  for (const View& v : operands)
    if (v.rank != y.rank)
      return internal_error("ConvTranspose: an operand of the epilogue of another rank");
  std::vector<Part> parts;
  if (whole) {
    ASSIGN(Part part, scattered(step, shapes, operands));
    parts.push_back(std::move(part));
    return PreparedPtr(
        std::make_unique<ConvTranspose>(std::move(parts), step.bias, step.filters, taps_of(step)));
  }
  std::int64_t taps = 0;
  for (const Phase& phase : phases_of(step)) {
    const std::int64_t weights = weights_of(step, taps);
    taps += phase.tap_count;
    bool empty = false;
    for (std::size_t i = 0; i < step.kernel.size(); ++i)
      empty = empty || phase.at[i] >= y.extents[2 + i];
    if (empty) continue;
    ASSIGN(Part part, part_of(step, shapes, phase, operands));
    part.weights = weights;
    parts.push_back(std::move(part));
  }
  return PreparedPtr(std::make_unique<ConvTranspose>(std::move(parts), step.bias, step.filters, 1));
}

std::size_t packed_conv_transpose_size(const ConvTransposeStep& step) {
  const std::int64_t taps = taps_of(step);
  std::int64_t floats = weights_of(step, taps);
  if (scatters(step)) floats += correlation_weights(1, step.channels, taps * step.filters, 1);
  return sizeof(float) * static_cast<std::size_t>(floats);
}

void pack_conv_transpose(const ConvTransposeStep& step, const float* w, float* packed) {
  if (!few_phases(step)) return;
  const std::int64_t taps = taps_of(step);
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
  if (!scatters(step)) return;
  // Column (tap, filter) of one matrix.
  std::vector<float> columns(static_cast<std::size_t>(channels * taps * filters));
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t f = 0; f < filters; ++f)
      for (std::int64_t t = 0; t < taps; ++t)
        columns[static_cast<std::size_t>((c * taps + t) * filters + f)] =
            w[(c * filters + f) * taps + t];
  pack_panels(gemm_table(Level::v2), columns.data(), channels, taps * filters, taps * filters, 1,
              packed);
}

}  // namespace gossamer::kernels
