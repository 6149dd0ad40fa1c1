// MatMul: y[..,M,N] = epilogue(clamp(a[..,M,K] * b[..,K,N] + bias)), all f32; or, with `bf16`, a
// and a packed b are bf16 and their products are summed in f32. Then K is even, a's K has stride 1,
// and its other strides are even.
//
// operands a, b, [bias f32[N]], [operands of the epilogue] -> y. Every operand may be a view with
// any strides: a batch axis of stride 0 repeats, a transposed matrix is one with its strides
// swapped. Fast with b packed and a's K or M of stride 1; with b's N or K of stride 1 panels of b
// are packed on the fly. The epilogue's operands have y's rank, 0 as stride where they repeat; each
// may be y's very memory (same address, same view). Sums run over K in one order that depends on
// the extents alone.
#pragma once

#include <limits>

#include "base/attributes.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

struct MatMulStep {
  // b is what pack_matmul made of one matrix [k, n]: one axis of f32 or u8. All batches share it.
  bool packed = false;
  std::int64_t k = 0, n = 0;  // where packed
  bool bias = false;          // an operand f32[N] follows b
  bool bf16 = false;          // a and b
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
  VectorProgram epilogue;  // of the product (input 0) and the operands after bias; empty: none
  static constexpr auto kFields =
      std::tuple(field("packed", &MatMulStep::packed), field("k", &MatMulStep::k),
                 field("n", &MatMulStep::n), field("bias", &MatMulStep::bias),
                 field("bf16", &MatMulStep::bf16), field("low", &MatMulStep::low),
                 field("high", &MatMulStep::high), field("epilogue", &MatMulStep::epilogue));
};

// Fails with internal on operands that contradict the step, with unsupported on other dtypes.
Result<PreparedPtr> prepare(const MatMulStep& step, const Shapes& shapes);

// Bytes of a packed matrix [k, n].
std::size_t packed_matmul_size(std::int64_t k, std::int64_t n);
// Packs b[k, n], given by its strides in elements, for every level alike.
void pack_matmul(const float* b, std::int64_t k, std::int64_t n, std::int64_t row_stride,
                 std::int64_t column_stride, float* packed);
// The same in bf16, rounded; K is even and the bytes are those of half as many rows.
void pack_matmul_bf16(const float* b, std::int64_t k, std::int64_t n, std::int64_t row_stride,
                      std::int64_t column_stride, float* packed);

}  // namespace gossamer::kernels
