// Reading of window attributes, and the epilogue of convolutions.
#include "onnx/windows.h"

namespace gossamer::onnx {

Result<WindowArguments> read_windows(Lowering& l) {
  WindowArguments w;
  ASSIGN(w.strides, l.ints_or("strides", {}));
  ASSIGN(w.dilations, l.ints_or("dilations", {}));
  ASSIGN(const std::string mode, l.string_or("auto_pad", "NOTSET"));
  if (mode == "SAME_UPPER") {
    w.auto_pad = AutoPad::same_upper;
  } else if (mode == "SAME_LOWER") {
    w.auto_pad = AutoPad::same_lower;
  } else if (mode == "NOTSET" || mode.empty()) {
    ASSIGN(w.pads, l.ints_or("pads", {}));
  } else if (mode != "VALID") {
    return l.wrong("attribute 'auto_pad': unknown mode '" + mode + "'");
  }
  return w;
}

Status check_kernel_shape(Lowering& l, ValueId weights) {
  ASSIGN(const auto kernel, l.maybe_ints("kernel_shape"));
  const gossamer::Type& type = l.b().type(weights);
  if (!kernel || kernel->empty() || !type.ranked()) return {};
  bool fits = type.shape->size() == kernel->size() + 2;
  for (std::size_t i = 0; fits && i < kernel->size(); ++i) {
    const Dim& d = (*type.shape)[i + 2];
    fits = !d.is_constant() || d == Dim((*kernel)[i]);
  }
  if (!fits) return l.wrong("attribute 'kernel_shape' differs from the weights' shape");
  return {};
}

Result<ValueId> finish_product(Lowering& l, ValueId wide, DType dtype, ValueId bias, int rank) {
  Builder& b = l.b();
  if (bias == kNoValue) return b.cast(wide, dtype);
  std::vector<int> spatial;
  for (int i = 1; i + 1 < rank; ++i) spatial.push_back(i);
  ASSIGN(const ValueId shaped, b.unsqueeze(bias, spatial));
  return b.pointwise({wide, shaped}, [&](ExpressionBuilder& e, std::span<const Ref> x) {
    return e.cast(e.add(x[0], e.cast(x[1], e.dtype(x[0]))), dtype);
  });
}

}  // namespace gossamer::onnx
