// MaxUnpool: values scattered back to where a MaxPool took them from.
#include "onnx/lowering.h"
#include "onnx/windows.h"

namespace gossamer::onnx {
namespace {

// The extents that the pooled tensor came from, as an i64 vector: (extent - 1) * stride - pads +
// kernel.
Result<ValueId> unpooled_shape(Lowering& l) {
  ASSIGN(const std::vector<std::int64_t> kernel, l.required_ints("kernel_shape"));
  ASSIGN(const WindowArguments w, read_windows(l));
  const std::size_t n = kernel.size();
  WindowOptions options;
  options.strides = w.strides;
  options.pads = w.pads;
  TRY(check_windows(options, n));
  std::vector<std::int64_t> factor{1, 1}, offset{0, 0};
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t stride = w.strides.empty() ? 1 : w.strides[i];
    const std::int64_t pads = w.pads.empty() ? 0 : w.pads[i] + w.pads[n + i];
    if (kernel[i] < 1 || kernel[i] > INT32_MAX) return l.wrong("attribute 'kernel_shape'");
    factor.push_back(stride);
    offset.push_back(kernel[i] - stride - pads);
  }
  Builder& b = l.b();
  ASSIGN(const ValueId shape, b.shape_of(l.input(0)));
  return b.pointwise(
      {shape, b.constant_ints(factor), b.constant_ints(offset)},
      [](ExpressionBuilder& e, std::span<const Ref> x) { return e.add(e.mul(x[0], x[1]), x[2]); });
}

Result<ValueId> reshape_like(Lowering& l, ValueId x, ValueId shape) {
  std::vector<ValueId> args;
  ASSIGN(const std::vector<Extent> extents, l.extents_of(shape, args));
  ReshapeStep step;
  for (const Extent& e : extents) step.dims.push_back(ReshapeEntry::of(e));
  return l.b().copy(x, {std::move(step)}, std::move(args));
}

// Zeros after each axis up to `shape`.
Result<ValueId> pad_to(Lowering& l, ValueId x, ValueId from, ValueId shape) {
  ASSIGN(const ValueId more, l.b().binary(PointwiseOp::sub, shape, from));
  std::vector<ValueId> args;
  ASSIGN(const std::vector<Extent> after, l.extents_of(more, args));
  StepList steps;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (after[i] == Extent(0)) continue;
    PadStep step;
    step.axis = static_cast<int>(i);
    step.after = after[i];
    steps.push_back(step);
  }
  return l.b().copy(x, std::move(steps), std::move(args));
}

}  // namespace

Status lower_max_unpool(Lowering& l) {
  Builder& b = l.b();
  TRY(l.rank(0).status());
  ASSIGN(const ValueId shape, unpooled_shape(l));
  ASSIGN(Tensor zero, Tensor::make(l.dtype(0), Shape{}));
  ASSIGN(const ValueId zeros, b.expand(b.constant(std::move(zero)), shape));
  ASSIGN(const ValueId flat, b.reshape_to(zeros, std::vector<std::int64_t>{-1}));
  ASSIGN(const ValueId at, b.reshape_to(l.input(1), std::vector<std::int64_t>{-1, 1}));
  ASSIGN(const ValueId values, b.reshape_to(l.input(0), std::vector<std::int64_t>{-1}));
  ASSIGN(const ValueId scattered, b.scatter_nd(flat, at, values));
  ASSIGN(const ValueId y, reshape_like(l, scattered, shape));
  if (!l.has_input(2)) return l.output(y);
  return l.output(pad_to(l, y, shape, l.input(2)));
}

}  // namespace gossamer::onnx
