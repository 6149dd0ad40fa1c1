// Running a VectorProgram over a block of rows and columns: what other families call on results
// that are still in cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

// Element (r, c) lies at data + r * row + c * column, strides in elements of the input's dtype; 0
// repeats.
struct BlockInput {
  const void* data = nullptr;
  std::int64_t row = 0, column = 0;
};
struct BlockOutput {
  void* data = nullptr;
  std::int64_t row = 0, column = 0;
};

// Bytes of scratch memory, 64-byte aligned, that run_block needs.
std::size_t block_scratch(const VectorProgram& program);

// outputs[i] = result i of the program for every element of the block. One entry an input and an
// output of the program. An output may be the very same elements as an input (same address, same
// strides, same dtype); beyond that outputs overlap nothing. Fast where column strides are 1 or 0.
// An empty program does nothing.
void run_block(const VectorProgram& program, Level level, std::int64_t rows, std::int64_t columns,
               const BlockInput* inputs, const BlockOutput* outputs, std::byte* scratch);

}  // namespace gossamer::kernels
