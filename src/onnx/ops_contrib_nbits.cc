// com.microsoft's operators on weights of few bits, quantized in blocks: MatMulNBits,
// GatherBlockQuantized.
#include "onnx/elementwise.h"
#include "onnx/quantize.h"
#include "reference/gather.h"
#include "reference/matmul.h"

namespace gossamer::onnx {
namespace {

constexpr std::int64_t kMaxExtent = std::int64_t{1} << 40;  // far from overflow

DType packed_dtype(std::int64_t bits) {
  return bits == 2 ? DType::u2 : bits == 4 ? DType::u4 : DType::u8;
}

// The bytes of a constant under another dtype and shape, packed as in a file.
Result<ValueId> reinterpreted(Lowering& l, const Tensor& bytes, DType dtype, Shape shape) {
  const std::span<const std::byte> raw(static_cast<const std::byte*>(bytes.data()),
                                       bytes.byte_size());
  return l.b().constant(Tensor::borrow(dtype, std::move(shape), raw,
                                       std::make_shared<const Tensor>(bytes), /*packed=*/true));
}

// Bytes whose last axis holds numbers of `bits` bits, lowest first, as one element a number: u2 or
// u4 of a constant, u8 otherwise.
Result<ValueId> unpacked(Lowering& l, ValueId v, std::int64_t bits) {
  if (bits == 8) return v;
  Builder& b = l.b();
  const std::int64_t each = 8 / bits;
  ASSIGN(int rank, l.rank_of(v));
  if (rank == 0) return l.wrong("packed numbers must have an axis");
  if (const auto& constant = b.graph().value(v).constant) {
    std::vector<std::int64_t> dims = constant->shape().dims();
    if (dims.back() > kMaxExtent) return l.wrong("too many packed numbers");
    dims.back() *= each;
    return reinterpreted(l, *constant, packed_dtype(bits), Shape(std::move(dims)));
  }
  std::vector<std::uint8_t> shifts;
  for (std::int64_t i = 0; i < each; ++i) shifts.push_back(static_cast<std::uint8_t>(i * bits));
  ASSIGN(ValueId apart, b.unsqueeze(v, {rank}));
  ASSIGN(ValueId digits, b.pointwise({apart, b.constant(Tensor::vector(shifts))},
                                     [&](ExpressionBuilder& e, std::span<const Ref> in) {
                                       const Ref mask =
                                           e.integer(DType::u8, (std::int64_t{1} << bits) - 1);
                                       return e.logical_and(e.shr(in[0], in[1]), mask);
                                     }));
  std::vector<ReshapeEntry> joined;
  for (int d = 0; d + 1 < rank; ++d) joined.push_back(ReshapeEntry::keep(d));
  joined.push_back(ReshapeEntry::merge(rank - 1, rank));
  return b.reshape(digits, std::move(joined));
}

// (q - zero) * scale in f32. Zero points may be floats; kNoValue means `otherwise`.
Result<ValueId> dequantize_blocks(Lowering& l, ValueId q, ValueId scale, ValueId zero,
                                  std::int64_t otherwise) {
  std::vector<ValueId> operands = {q, scale};
  if (zero != kNoValue) operands.push_back(zero);
  return l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const DType dtype = e.dtype(in[0]);
    const Ref s = e.cast(in[1], DType::f32);
    if (is_floating(dtype)) return e.mul(e.cast(in[0], DType::f32), s);
    if (in.size() < 3) return e.dequantize(in[0], s, e.integer(dtype, otherwise), DType::f32);
    if (is_floating(e.dtype(in[2])))
      return e.mul(e.sub(e.cast(in[0], DType::f32), e.cast(in[2], DType::f32)), s);
    return e.dequantize(in[0], s, e.cast(in[2], dtype), DType::f32);
  });
}

}  // namespace

// --- MatMulNBits ---

namespace {

struct NBits {
  std::int64_t n, k, bits, block, blocks;  // blocks: how many along k
};

Result<NBits> read_nbits(Lowering& l) {
  NBits a{};
  ASSIGN(a.n, l.required_int("N"));
  ASSIGN(a.k, l.required_int("K"));
  ASSIGN(a.bits, l.int_or("bits", 4));
  ASSIGN(a.block, l.required_int("block_size"));
  ASSIGN(std::int64_t prepacked, l.int_or("weight_prepacked", 0));
  if (prepacked != 0) return l.refuse("attribute 'weight_prepacked' is not supported");
  if (a.n <= 0 || a.k <= 0 || a.n > kMaxExtent || a.k > kMaxExtent)
    return l.wrong("attributes 'N' and 'K' must be positive");
  if (a.bits != 2 && a.bits != 4 && a.bits != 8)
    return l.refuse("weights of " + std::to_string(a.bits) + " bits are not supported");
  if (a.block < 16 || a.block > kMaxExtent || (a.block & (a.block - 1)) != 0)
    return l.wrong("attribute 'block_size' must be a power of 2 from 16 on");
  a.blocks = (a.k + a.block - 1) / a.block;
  return a;
}

// Input i as a matrix; a constant stays one.
Result<ValueId> as_matrix(Lowering& l, std::size_t i, std::int64_t rows, std::int64_t columns) {
  const ValueId v = l.input(i);
  if (const auto& constant = l.b().graph().value(v).constant) {
    const Shape shape{rows, columns};
    if (shape.checked_count() != constant->count())
      return l.wrong("input " + std::to_string(i) + " of shape " + constant->shape().to_string() +
                     " does not hold " + shape.to_string() + " elements");
    return l.b().constant(constant->reshaped(shape));
  }
  return l.b().reshape_to(v, {rows, columns});
}

// Scales or zero points [n, blocks] brought to [n, k]: by group index, or a block at a time.
Result<ValueId> along_k(Lowering& l, ValueId v, const NBits& a, ValueId weights) {
  Builder& b = l.b();
  if (!l.has_input(4)) return spread_blocks(l, v, 1, a.block, weights);
  ASSIGN(ValueId groups, b.slice(l.input(4), 0, 0, a.k));
  GatherAttributes g;
  g.axis = 1;
  return b.one(kGather, g, {v, groups});
}

// The weights [n, k] in f32.
Result<ValueId> nbits_weights(Lowering& l, const NBits& a) {
  Builder& b = l.b();
  ASSIGN(ValueId q, as_matrix(l, 1, a.n, a.blocks * (a.block * a.bits / 8)));
  ASSIGN(q, unpacked(l, q, a.bits));
  if (a.blocks * a.block != a.k) {
    ASSIGN(q, b.slice(q, 1, 0, a.k));
  }
  ASSIGN(ValueId scale, as_matrix(l, 2, a.n, a.blocks));
  ASSIGN(scale, along_k(l, scale, a, q));
  ValueId zero = kNoValue;
  if (l.has_input(3)) {
    const bool packed = l.dtype(3) == DType::u8;
    ASSIGN(zero, as_matrix(l, 3, a.n, packed ? (a.blocks * a.bits + 7) / 8 : a.blocks));
    if (packed) {
      ASSIGN(zero, unpacked(l, zero, a.bits));
      ASSIGN(zero, b.slice(zero, 1, 0, a.blocks));
    }
    ASSIGN(zero, along_k(l, zero, a, q));
  }
  return dequantize_blocks(l, q, scale, zero, std::int64_t{1} << (a.bits - 1));
}

}  // namespace

// a, b u8 [n, blocks, bytes], scales [, zero points, group index, bias]. Weights without elements
// stand for zeros.
Status lower_matmul_nbits(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(const NBits a, read_nbits(l));
  if (l.dtype(1) != DType::u8) return l.wrong("the weights must be bytes");
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId x, b.cast(l.input(0), DType::f32));
  ASSIGN(int rank, l.rank(0));
  if (rank == 0) return l.wrong("input 0 must have an axis");
  ValueId w = kNoValue;
  if (l.type(1).ranked() && l.type(1).element_count() == Dim(0)) {
    ASSIGN(x, b.slice(x, rank - 1, 0, 0));
    ASSIGN(Tensor none, Tensor::make(DType::f32, Shape{a.n, 0}));
    w = b.constant(std::move(none));
  } else {
    ASSIGN(w, nbits_weights(l, a));
  }
  MatMulAttributes product;
  product.trans_b = true;
  ASSIGN(ValueId y, b.one(kMatMul, product, {x, w}));
  std::vector<ValueId> operands = {y};
  if (l.has_input(5)) operands.push_back(l.input(5));
  return l.output(b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref sum = in.size() > 1 ? e.add(in[0], e.cast(in[1], DType::f32)) : in[0];
    return e.cast(sum, dtype);
  }));
}

// --- GatherBlockQuantized ---

namespace {

struct BlockGather {
  int gather_axis, quantize_axis, rank, index_rank;
  std::int64_t block, bits;
  bool packed;  // several numbers a byte
};

Result<BlockGather> read_block_gather(Lowering& l) {
  BlockGather a{};
  if (!is_integer(l.dtype(0)) && !is_floating(l.dtype(0)))
    return l.wrong("the data must be integers or narrow floats");
  ASSIGN(a.rank, l.rank(0));
  ASSIGN(a.index_rank, l.rank(1));
  ASSIGN(std::int64_t gather_axis, l.int_or("gather_axis", 0));
  ASSIGN(std::int64_t quantize_axis, l.int_or("quantize_axis", 1));
  ASSIGN(a.gather_axis, l.axis(gather_axis, a.rank));
  ASSIGN(a.quantize_axis, l.axis(quantize_axis, a.rank));
  ASSIGN(a.block, l.int_or("block_size", 128));
  ASSIGN(a.bits, l.int_or("bits", 4));
  if (a.block < 0 || a.block > kMaxExtent) return l.wrong("attribute 'block_size' is out of range");
  if (a.block == 0 && is_integer(l.dtype(0))) return l.wrong("attribute 'block_size' is 0");
  if (l.dtype(0) == DType::u8 && a.bits != 2 && a.bits != 4 && a.bits != 8)
    return l.wrong("attribute 'bits' must be 2, 4 or 8");
  a.packed = l.dtype(0) == DType::u8 && a.bits < 8;
  if (l.dtype(0) == DType::u8 && a.gather_axis != 0)
    return l.wrong("attribute 'gather_axis' must be 0 for bytes");
  if (a.packed && a.gather_axis == a.quantize_axis)
    return l.wrong("attributes 'gather_axis' and 'quantize_axis' must differ for packed bytes");
  if (l.has_input(3) && l.dtype(3) != l.dtype(0))
    return l.wrong("the zero points must have the data's element type");
  for (std::size_t i = 2; i < 4; ++i) {
    if (!l.has_input(i)) continue;
    ASSIGN(int rank, l.rank(i));
    if (rank != a.rank) return l.wrong("scales and zero points must have the rank of the data");
  }
  return a;
}

// Rows of v, and where `axis` of v then is.
Result<ValueId> picked(Lowering& l, ValueId v, ValueId indices, const BlockGather& a) {
  // One scale for all rows.
  if (l.b().type(v).dim(a.gather_axis) == Dim(1) && !(l.type(0).dim(a.gather_axis) == Dim(1))) {
    ASSIGN(indices, l.b().pointwise({indices}, [](ExpressionBuilder& e, std::span<const Ref> in) {
      return e.mul(in[0], e.integer(DType::i64, 0));
    }));
  }
  GatherAttributes g;
  g.axis = a.gather_axis;
  return l.b().one(kGather, g, {v, indices});
}

// Scales or zero points spread over `q` along `axis`; a single one broadcasts.
Result<ValueId> spread_over(Lowering& l, ValueId v, int axis, std::int64_t block, ValueId q) {
  if (block == 0 || l.b().type(v).dim(axis) == Dim(1)) return v;
  return spread_blocks(l, v, axis, block, q);
}

// Data (input 0), scales and zero points, gathered or whole, as numbers in f32.
Result<ValueId> block_values(Lowering& l, const BlockGather& a, ValueId q, ValueId scale,
                             ValueId zero, int axis) {
  if (a.packed) {
    ASSIGN(q, unpacked(l, q, a.bits));
  }
  if (zero != kNoValue) {
    if (a.packed) {
      ASSIGN(int rank, l.rank_of(zero));
      ASSIGN(zero, unpacked(l, zero, a.bits));
      ASSIGN(zero, spread_blocks(l, zero, rank - 1, 1, scale));
    }
    ASSIGN(zero, spread_over(l, zero, axis, a.block, q));
  }
  ASSIGN(scale, spread_over(l, scale, axis, a.block, q));
  const bool bytes = l.dtype(0) == DType::u8;
  return dequantize_blocks(l, q, scale, zero, bytes ? std::int64_t{1} << (a.bits - 1) : 0);
}

// Indices that are in range counted from the front, others 0; and which of them are in range, with
// as many axes behind as the picked slices have.
struct SafeIndices {
  ValueId indices, valid;
};

Result<SafeIndices> safe_indices(Lowering& l, const BlockGather& a) {
  Builder& b = l.b();
  ASSIGN(ValueId extent, b.dim_of(l.input(0), a.gather_axis));
  ASSIGN(extent, b.reshape_to(extent, std::vector<std::int64_t>{}));
  const ValueId operands[] = {l.input(1), extent};
  ASSIGN(std::vector<ValueId> r,
         b.pointwise_many(operands, [](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref i = e.cast(in[0], DType::i64), zero = e.integer(DType::i64, 0);
           const Ref at = e.select(e.lt(i, zero), e.add(i, in[1]), i);
           const Ref valid = e.logical_and(e.le(zero, at), e.lt(at, in[1]));
           return std::vector<Ref>{e.select(valid, at, zero), valid};
         }));
  std::vector<int> ones;
  for (int d = 0; d + 1 < a.rank - a.gather_axis; ++d) ones.push_back(a.index_rank + d);
  ASSIGN(ValueId valid, b.unsqueeze(r[1], std::move(ones)));
  return SafeIndices{r[0], valid};
}

}  // namespace

// data, indices, scales [, zero points] -> rows of the numbers that they stand for; an index out of
// range gives zeros.
Status lower_gather_block_quantized(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(const BlockGather a, read_block_gather(l));
  const DType dtype = l.dtype(2);
  ASSIGN(const SafeIndices at, safe_indices(l, a));
  ValueId q = l.input(0), scale = l.input(2), zero = l.has_input(3) ? l.input(3) : kNoValue;
  ValueId y = kNoValue;
  if (a.gather_axis == a.quantize_axis) {
    ASSIGN(y, block_values(l, a, q, scale, zero, a.quantize_axis));
    ASSIGN(y, picked(l, y, at.indices, a));
  } else {
    ASSIGN(q, picked(l, q, at.indices, a));
    ASSIGN(scale, picked(l, scale, at.indices, a));
    if (zero != kNoValue) {
      ASSIGN(zero, picked(l, zero, at.indices, a));
    }
    const bool behind = a.quantize_axis > a.gather_axis;
    const int axis = behind ? a.quantize_axis + a.index_rank - 1 : a.quantize_axis;
    ASSIGN(y, block_values(l, a, q, scale, zero, axis));
  }
  return l.output(
      l.b().pointwise({y, at.valid}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        return e.cast(e.select(in[1], in[0], e.like(in[0], 0)), dtype);
      }));
}

}  // namespace gossamer::onnx
