// DFT and STFT.
#include "onnx/lowering.h"
#include "reference/fourier.h"

namespace gossamer::onnx {

Status lower_dft(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const int rank, l.rank(0));
  std::int64_t axis = -2;
  if (l.version() < 20) {
    ASSIGN(axis, l.int_or("axis", 1));
  } else if (l.has_input(2)) {
    ASSIGN(axis, l.structure_int(2));
  }
  FourierAttributes a;
  ASSIGN(a.axis, l.axis(axis, rank));
  ASSIGN(const std::int64_t inverse, l.int_or("inverse", 0));
  ASSIGN(const std::int64_t onesided, l.int_or("onesided", 0));
  a.inverse = inverse != 0;
  a.onesided = onesided != 0;
  std::vector<ValueId> operands{l.input(0)};
  if (l.has_input(1)) {
    ASSIGN(const ValueId length, b.cast(l.input(1), DType::i64));
    ASSIGN(const ValueId vector, b.reshape_to(length, std::vector<std::int64_t>{1}));
    operands.push_back(vector);
  }
  return l.output(b.one(kFourier, a, std::move(operands)));
}

namespace {

// Frame length: said, or that of the window.
Result<std::int64_t> frame_length(Lowering& l) {
  if (l.has_input(3)) return l.structure_int(3);
  if (!l.has_input(2)) return l.wrong("needs a window or a frame_length");
  return l.vector_length(2);
}

}  // namespace

// signal[B,L,1 or 2] cut into frames, windowed, transformed; an incomplete last frame is dropped.
Status lower_stft(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const int rank, l.rank(0));
  ASSIGN(const std::int64_t step, l.structure_int(1));
  ASSIGN(const std::int64_t length, frame_length(l));
  ASSIGN(const std::int64_t onesided, l.int_or("onesided", 1));
  if (step < 1 || length < 1) return l.wrong("frame_step and frame_length must be positive");
  ValueId signal = l.input(0);
  if (rank == 2) {
    ASSIGN(signal, b.unsqueeze(signal, {2}));
  } else if (rank != 3) {
    return l.wrong("a signal of type " + l.type(0).to_string());
  }
  WindowStep window;
  window.axis = 1;
  window.size = length;
  window.stride = step;
  ASSIGN(ValueId frames, b.copy(signal, {window}));
  if (l.has_input(2)) {
    ASSIGN(const ValueId weights, b.unsqueeze(l.input(2), {1}));
    ASSIGN(frames, b.pointwise({frames, weights}, [](ExpressionBuilder& e, std::span<const Ref> x) {
      return e.mul(e.widen(x[0]), e.widen(x[1]));
    }));
  }
  FourierAttributes a;
  a.axis = 2;
  a.onesided = onesided != 0;
  ASSIGN(const ValueId y, b.one(kFourier, a, {frames}));
  return l.output(b.cast(y, l.dtype(0)));
}

}  // namespace gossamer::onnx
