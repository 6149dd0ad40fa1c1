// The instructions of a Pointwise program as loops over one tile. Operands of a tile are
// contiguous; conversions between element types go through one of four wide types.
#pragma once

#include <span>

#include "reference/pointwise.h"

namespace gossamer::reference {

inline constexpr int kTile = 1024;  // elements that one instruction handles at a time, at most

struct TileOperand {
  DType dtype = DType::f32;
  const void* data = nullptr;
};

// Runs `instruction` (any but index and extent) on `n` <= kTile elements. `out` holds n elements of
// the instruction's dtype and overlaps no operand. The program that holds the instruction has been
// validated.
void run_tile(const Instruction& instruction, std::span<const TileOperand> operands, void* out,
              int n);

// Elements of a numeric dtype as float, double (rounded once where they do not fit) or std::int64_t
// (integers and booleans only; u64 wraps).
template <class Wide>
void load_tile(TileOperand from, Wide* to, int n);

// How narrow targets round.
struct StoreMode {
  bool saturate = true;
  CastRounding rounding = CastRounding::up;  // f8e8m0 only
};
// Wide values as elements of `dtype`, by the rules of `cast`. Wide: float, double, std::int64_t,
// std::uint64_t.
template <class Wide>
void store_tile(const Wide* from, DType dtype, void* to, int n, StoreMode mode = {});

// `cast` of n elements.
void convert_tile(TileOperand from, DType dtype, void* to, int n, StoreMode mode = {});
void bits_tile(TileOperand from, DType dtype, void* to, int n);
void quantize_tile(const Instruction& instruction, std::span<const TileOperand> operands, void* out,
                   int n);
void dequantize_tile(const Instruction& instruction, std::span<const TileOperand> operands,
                     void* out, int n);

}  // namespace gossamer::reference
