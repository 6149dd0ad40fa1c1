// The way of a block of exact sums into y: as they are, as floats, as bytes, or through an
// epilogue.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/gemm/row_walk.h"
#include "kernels/integer_product/integer_product.h"
#include "kernels/integer_product/integer_table.h"
#include "kernels/pointwise/block.h"

namespace gossamer::kernels {

inline constexpr std::int64_t kMaxIntegerOperands = 7;  // of an epilogue

class SumFinish {
 public:
  // `operands`: of the epilogue after its first input, or `other` alone; views with y's rank.
  static Result<SumFinish> make(const IntegerProductStep& step, Level level, const View& y,
                                std::span<const View> operands);

  // Scratch bytes of finish() for blocks of at most so many rows and columns.
  std::size_t scratch(std::int64_t rows, std::int64_t columns) const;
  // What scales and biases are divided by before finish() takes them.
  float unit() const {
    return !step_.quantized ? 1.0F : step_.other ? step_.mid_scale : step_.y_scale;
  }

  struct Block {
    std::int32_t* sums = nullptr;  // overwritten
    std::int64_t stride = 0;       // at least the columns in whole panels
    Range rows, columns;           // of y
    const float* scales = nullptr;
    const float* biases = nullptr;  // of these columns, null where not `scaled`
    void* y = nullptr;
    const void* const* operands = nullptr;
    std::byte* scratch = nullptr;
    bool small = false;  // scales and biases, as IntegerTable::start says
  };
  void finish(const Block& block) const;
  // Whether rows of sums can go on to y at once, without scratch for them: fill() then says how.
  bool at_once() const { return direct_ && step_.scaled && step_.epilogue.empty(); }
  bool to_bytes() const { return step_.quantized && y_bytes_ == 1; }
  bool has_other() const { return step_.other; }
  // All but `sums` and `stride`; `out` lies in the block's scratch.
  IntegerFinish fill(const Block& block) const;
  // The same for other columns of the same rows, from their first of y on.
  void move(IntegerFinish& t, const Block& block) const {
    t.columns = block.columns.end - block.columns.begin;
    t.scale = block.scales;
    t.bias = block.biases;
    t.offset = block.columns.begin * y_bytes_;
    if (t.other) t.other_offset = block.columns.begin * column_strides_[1];
  }

 private:
  static constexpr std::size_t kTensors = 1 + kMaxIntegerOperands;
  void run_program(const Block& block) const;
  void scatter(const Block& block, const void* const* rows) const;
  void to_rows(const Block& block, void** out, const std::uint8_t** others) const;
  IntegerFinish rows(const Block& block, void** out, const std::uint8_t** others) const;

  IntegerProductStep step_;
  const IntegerTable* table_ = nullptr;
  Level level_ = Level::v2;
  bool direct_ = true;  // y's columns lie side by side
  bool y_signed_ = false, other_signed_ = false;
  std::int64_t y_bytes_ = 4;  // of an element
  std::int64_t columns_ = 0;
  float quantized_low_ = 0, quantized_high_ = 0;  // of y, less its zero point
  std::size_t tensors_ = 1;
  RowWalk<kTensors> walk_;  // y, operands; in bytes
  RowWalk<1> other_walk_;
  std::array<std::int64_t, kTensors> column_strides_{};  // bytes
  std::array<std::int64_t, kTensors> sizes_{};
};

}  // namespace gossamer::kernels
