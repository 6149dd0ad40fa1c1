// Accumulators: the types that sums of products are computed in, and the ways into and out of them.
// There are four: f32 (for f16, bf16 and the narrow floats too), f64, i32 (integers of up to 32
// bits) and i64. Integer arithmetic is done unsigned, so that it wraps.
#pragma once

#include <cstdint>

#include "base/tensor.h"

namespace gossamer::reference {

// The accumulator of a numeric dtype. u32 and u64 share the bits of i32 and i64.
DType accumulator_of(DType dtype);

// The dtype of a product of two operands: i32 for integers of at most 8 bits, which may differ; the
// operands' common dtype otherwise, or its accumulator when `wide` and it is a float. Fails
// (malformed) on dtypes that cannot be multiplied.
Result<DType> product_dtype(DType a, DType b, bool wide);

// The elements of x in an accumulator (f32, f64, i32 or i64): exact but for f64 to f32 and integers
// that wrap. Shares x's bytes where nothing changes.
Result<Tensor> widened(const Tensor& x, DType accumulator);

// Writes accumulators into y, elements in order, each rounded once; integers keep their low bits.
// Where y's dtype has the accumulator's bits this is a plain copy.
void narrow(const Tensor& sums, Tensor& y);

// Writes f64 numbers into integers y: towards zero, saturating, a NaN as the least.
void saturate(const Tensor& numbers, Tensor& y);

// Whether elements of `dtype` have the very bits of its accumulator.
inline bool is_accumulator(DType dtype) {
  return accumulator_of(dtype) == dtype || dtype == DType::u32 || dtype == DType::u64;
}

// Calls f(TypeTag<T>{}) with the type that arithmetic on an accumulator is done in: float, double,
// std::uint32_t or std::uint64_t.
template <class F>
decltype(auto) visit_accumulator(DType accumulator, F&& f) {
  switch (accumulator) {
    case DType::f64:
      return f(TypeTag<double>{});
    case DType::i32:
      return f(TypeTag<std::uint32_t>{});
    case DType::i64:
      return f(TypeTag<std::uint64_t>{});
    default:
      return f(TypeTag<float>{});
  }
}

}  // namespace gossamer::reference
