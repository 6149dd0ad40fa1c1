// What the driver of blocks and the code of each level share: names of instructions and lane types,
// and how one instruction is called on a tile. Plain structs only (see level.h).
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {

// What a lane of a register holds. Element types are widened when read and narrowed when written:
// f16, bf16 to f32; integers of at most 16 bits to i32; u32 to i64. A boolean lane has 32 bits, all
// zeros or all ones.
enum class VectorType : std::uint8_t { f32, f64, i32, i64, boolean };

enum class VectorOp : std::uint8_t {
#define VECTOR_OP(name, operands, types) name,
#include "kernels/pointwise/vector_ops.def"
#undef VECTOR_OP
};
inline constexpr int kVectorOps = 0
#define VECTOR_OP(name, operands, types) +1
#include "kernels/pointwise/vector_ops.def"
#undef VECTOR_OP
    ;
inline constexpr std::uint8_t kVectorOperands[] = {
#define VECTOR_OP(name, operands, types) operands,
#include "kernels/pointwise/vector_ops.def"
#undef VECTOR_OP
};
inline constexpr int kVectorTypes = static_cast<int>(VectorType::boolean) + 1;

// Element types of memory that tiles are read from and written to.
enum class Element : std::uint8_t {
  boolean,
  i2,
  i4,
  i8,
  i16,
  i32,
  i64,
  u2,
  u4,
  u8,
  u16,
  u32,
  bf16,
  f16,
  f32,
  f64,
};
inline constexpr int kElements = static_cast<int>(Element::f64) + 1;

// Tiles are handled in groups of this many lanes, at every level.
inline constexpr int kGroup = 16;

// One instruction on `groups` groups of lanes.
struct TileCall {
  void* y = nullptr;
  const void* args[3] = {};
  std::ptrdiff_t steps[3] = {};  // lanes from one group of an operand to the next: kGroup, or 0
  std::ptrdiff_t groups = 0;
  Element element = Element::f32;  // narrow, quantize
};

struct TileTable {
  using Run = void (*)(const TileCall&);
  Run run[kVectorOps][kVectorTypes];     // by op and operand type; null where unsupported
  Run cast[kVectorTypes][kVectorTypes];  // from, to
  // n elements at a stride (in elements) to lanes, and back.
  void (*load[kElements])(const void* from, void* lanes, std::ptrdiff_t n, std::ptrdiff_t stride);
  void (*store[kElements])(const void* lanes, void* to, std::ptrdiff_t n, std::ptrdiff_t stride);
};

}  // namespace gossamer::kernels
