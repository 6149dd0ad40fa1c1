// Operators that find the greatest element first: Hardmax, Multinomial.
#include "onnx/elementwise.h"
#include "reference/arg_reduce.h"
#include "reference/random.h"

namespace gossamer::onnx {
namespace {

// 1 at the first greatest element along `axis`, 0 elsewhere.
Result<ValueId> hardmax(Builder& b, ValueId x, int axis) {
  ArgReduceAttributes a;
  a.axis = axis;
  a.keep = true;
  ASSIGN(ValueId greatest, b.one(kArgReduce, a, {x}));
  const DType dtype = b.dtype(x);
  return b.pointwise({x, greatest}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.cast(e.eq(e.index(axis), in[1]), dtype);
  });
}

}  // namespace

Status lower_hardmax(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  const ValueId x = l.input(0);
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t attribute, l.int_or("axis", l.version() < 13 ? 1 : -1));
  ASSIGN(int axis, l.axis(attribute, rank));
  if (l.version() >= 13) return l.output(hardmax(b, x, axis));
  // Everything from `axis` on counts as one axis.
  const ReshapeEntry rows = axis == 0 ? ReshapeEntry::of(1) : ReshapeEntry::merge(0, axis - 1);
  ASSIGN(ValueId flat, b.reshape(x, {rows, ReshapeEntry::merge(axis, rank - 1)}));
  ASSIGN(ValueId y, hardmax(b, flat, 1));
  ASSIGN(ValueId shape, b.shape_of(x));
  std::vector<ValueId> args;
  ASSIGN(std::vector<Extent> extents, l.extents_of(shape, args));
  ReshapeStep back;
  for (const Extent& e : extents) back.dims.push_back(ReshapeEntry::of(e));
  return l.output(b.copy(y, {back}, args));
}

// Scores plus Gumbel noise: the greatest is a sample of the distribution that the scores are
// logarithms of.
Status lower_multinomial(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(int rank, l.rank(0));
  if (rank != 2) return l.wrong("the input must have rank 2");
  ASSIGN(std::int64_t samples, l.int_or("sample_size", 1));
  ASSIGN(DType dtype, l.dtype_or("dtype", DType::i32));
  if (samples < 0) return l.wrong("attribute 'sample_size' is negative");
  Builder& b = l.b();
  ASSIGN(ValueId rows, b.dim_of(l.input(0), 0));
  ASSIGN(ValueId classes, b.dim_of(l.input(0), 1));
  ASSIGN(ValueId extent, b.concat({rows, b.constant_ints({samples}), classes}, 0));
  ASSIGN(ValueId r, random_numbers(l, Distribution::uniform, l.dtype(0), extent));
  ASSIGN(ValueId scores, b.unsqueeze(l.input(0), {1}));
  ASSIGN(ValueId noisy, b.pointwise({scores, r}, [](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.sub(e.widen(in[0]), e.log(e.neg(e.log(in[1]))));
  }));
  ArgReduceAttributes a;
  a.axis = 2;
  ASSIGN(ValueId index, b.one(kArgReduce, a, {noisy}));
  return l.output(b.cast(index, dtype));
}

}  // namespace gossamer::onnx
