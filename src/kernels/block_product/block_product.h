// BlockProduct: matrix products of floats with weights of 4 or 8 bits that have a scale, and
// perhaps a zero point, a block of so many neighbors along the axis that is summed over:
//
//   y[.., n] = sum over k of x[.., k] * (q[k, n] - zero[k / block, n]) * scale[k / block, n]
//
// operands x[.., K] f32 and the packed weights (q, zero and scale) -> y[.., N] f32. Weights become
// floats in registers. x may have any strides but along K, where elements must lie side by side, as
// those of y along N.
#pragma once

#include <functional>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

struct BlockProductStep {
  std::int64_t k = 0, n = 0;
  std::int64_t block = 32;  // a multiple of 8
  std::int64_t bits = 4;    // or 8
  bool zeros = false;       // else all zero points are 2^(bits - 1)
  static constexpr auto kFields =
      std::tuple(field("k", &BlockProductStep::k), field("n", &BlockProductStep::n),
                 field("block", &BlockProductStep::block), field("bits", &BlockProductStep::bits),
                 field("zeros", &BlockProductStep::zeros));
};

// Whether such weights can be packed: K a multiple of 8, numbers in range.
bool fits_block_product(const BlockProductStep& step);

// Fails with internal on operands that contradict the step, with unsupported on other layouts.
Result<PreparedPtr> prepare(const BlockProductStep& step, const Shapes& shapes);

// Weights as unsigned numbers (signed ones plus 2^(bits - 1)), their zero points alike.
struct BlockWeights {
  std::function<int(std::int64_t k, std::int64_t n)> q;
  std::function<float(std::int64_t block, std::int64_t n)> scale;
  std::function<int(std::int64_t block, std::int64_t n)> zero;  // where the step has zeros
};
// Bytes of packed weights; 0 when they would not fit memory.
std::size_t packed_block_product_size(const BlockProductStep& step);
// Packs weights for every level; `packed` is 4-byte aligned.
void pack_block_product(const BlockProductStep& step, const BlockWeights& weights,
                        std::byte* packed);

}  // namespace gossamer::kernels
