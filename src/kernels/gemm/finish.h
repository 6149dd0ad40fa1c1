// The way of a block of products into y: straight, or through a stage in cache where an epilogue
// runs over it or where y's columns do not lie side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/gemm/row_walk.h"
#include "kernels/gemm/tiling.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/block.h"

namespace gossamer::kernels {

inline constexpr std::int64_t kMaxEpilogueOperands = 7;

// y is seen as a matrix: one of its axes are the columns, all others, in order, are the rows.
class Finish {
 public:
  // `operands`: of the epilogue after its first input, views with y's rank.
  static Result<Finish> make(const VectorProgram& epilogue, Level level, const View& y,
                             int column_axis, std::span<const View> operands);

  // Whether products go to a stage, a block of rows of columns, and from there to y by finish().
  bool staged() const { return staged_; }
  std::size_t scratch() const { return block_scratch(epilogue_); }
  std::int64_t rows() const { return walk_.rows(); }

  // Addresses of column `column` of rows [row, row + count).
  void addresses(float* y, std::int64_t row, std::int64_t count, std::int64_t column,
                 float** out) const;
  // Sends the block of products `stage` (rows `stride` apart) to y.
  void finish(float* stage, std::int64_t stride, Range rows, Range columns, float* y,
              const void* const* operands, std::byte* scratch) const;

 private:
  // Tensor 0 is y, the others are the operands.
  static constexpr std::size_t kTensors = 1 + kMaxEpilogueOperands;
  void copy_out(const float* stage, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                std::int64_t row_stride, float* y) const;

  VectorProgram epilogue_;
  const GemmTable* table_ = nullptr;
  Level level_ = Level::v2;
  bool staged_ = false;
  std::size_t tensors_ = 1;
  RowWalk<kTensors> walk_;
  std::array<std::int64_t, kTensors> column_strides_{};
  std::array<std::int64_t, kTensors> sizes_{};  // bytes of an element
};

}  // namespace gossamer::kernels
