// The way of a block of products into y: straight, or through a stage in cache where an epilogue
// runs over it or where y's columns do not lie side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/gemm/row_walk.h"
#include "kernels/gemm/tiling.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/block.h"

namespace gossamer::kernels {

inline constexpr std::int64_t kMaxEpilogueOperands = 7;

// y is seen as a matrix: one of its axes are the columns, all others, in order, are the rows. Or
// several such matrices stand side by side in the products, and each goes to a place of its own.
class Finish {
 public:
  // `operands`: of the epilogue after its first input, views with y's rank.
  static Result<Finish> make(const VectorProgram& epilogue, Level level, const View& y,
                             int column_axis, std::span<const View> operands);

  // Where a matrix lies, in elements from the addresses given: of y, then of each operand.
  using Offsets = std::array<std::int64_t, 1 + kMaxEpilogueOperands>;
  // Has the products hold several matrices, each with y's columns.
  void place_side_by_side(std::vector<Offsets> matrices);

  // An epilogue that tiles can do themselves: operand 0, which lies as y does, added to the
  // products, then bounds.
  struct Sum {
    float low, high;
  };
  const std::optional<Sum>& sum() const { return sum_; }
  // Elements from a result to what is added to it.
  static std::int64_t addend(const float* y, const void* const* operands);
  // Has finish() do the sum as well.
  void stage_sum();

  // Whether products go to a stage, a block of rows of columns, and from there to y by finish().
  bool staged() const { return staged_; }
  // Bytes of scratch memory that finish() needs for a stage of so many floats.
  std::int64_t scratch(std::int64_t stage) const {
    return static_cast<std::int64_t>(block_scratch(epilogue_)) + (across_ ? 4 * stage : 0);
  }
  std::int64_t rows() const { return walk_.rows(); }

  // Addresses of column `column` of rows [row, row + count).
  void addresses(float* y, std::int64_t row, std::int64_t count, std::int64_t column,
                 float** out) const;
  // Where rows [row, row + count) of y lie if that is one piece without gaps, else null.
  const float* whole_rows(const float* y, std::int64_t row, std::int64_t count) const;
  // Sends the block of products `stage` (rows `stride` apart) to y.
  void finish(float* stage, std::int64_t stride, Range rows, Range columns, float* y,
              const void* const* operands, std::byte* scratch) const;

 private:
  // Tensor 0 is y, the others are the operands.
  static constexpr std::size_t kTensors = 1 + kMaxEpilogueOperands;
  // Where a segment of rows lies in all tensors, and what finish() does with it.
  struct Place {
    float* y;
    std::array<BlockInput, kTensors> inputs;  // but the stage
    std::int64_t rows, columns;
  };
  void finish_matrix(float* stage, std::int64_t stride, Range rows, Range columns, float* y,
                     const void* const* operands, const Offsets& at, std::byte* scratch) const;
  void finish_rows(float* stage, std::int64_t stride, Place& place, std::byte* scratch) const;
  void finish_across(const float* stage, std::int64_t stride, Place& place,
                     std::byte* scratch) const;
  void copy_out(const float* stage, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                std::int64_t row_stride, float* y) const;

  VectorProgram epilogue_;
  const GemmTable* table_ = nullptr;
  Level level_ = Level::v2;
  bool staged_ = false;
  std::optional<Sum> sum_;
  bool across_ = false;  // the epilogue goes along rows of y, since these lie side by side
  std::size_t tensors_ = 1;
  RowWalk<kTensors> walk_;
  std::int64_t columns_ = 0;
  std::vector<Offsets> matrices_;  // empty: one
  std::array<std::int64_t, kTensors> column_strides_{};
  std::array<std::int64_t, kTensors> sizes_{};  // bytes of an element
};

}  // namespace gossamer::kernels
