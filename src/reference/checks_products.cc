// What products, windows, reductions and normalizations take.
#include <algorithm>
#include <functional>

#include "reference/accumulate.h"
#include "reference/checks.h"
#include "reference/expect.h"

namespace gossamer::reference {
namespace {

Status expect_ascending(const Context& c, std::span<const int> axes) {
  for (const int axis : axes) TRY(expect_axis(c, axis));
  if (std::adjacent_find(axes.begin(), axes.end(), std::greater_equal<>()) != axes.end())
    return malformed("axes must ascend");
  return {};
}

// Two operands that are multiplied, with a zero point each from operand 2 on.
Status expect_product(const Context& c, bool wide, int min_rank) {
  TRY(expect_tensor(c, 0, "the left side", min_rank));
  TRY(expect_tensor(c, 1, "the right side", min_rank));
  ASSIGN(const DType dtype, product_dtype(c.tensor(0).dtype(), c.tensor(1).dtype(), wide));
  for (std::size_t i = 2; i < c.operand_count(); ++i) {
    if (!c.has(i)) continue;
    TRY(expect_dtype(c, i, "a zero point", c.tensor(i - 2).dtype()));
    if (dtype != DType::i32) return malformed("zero points on floats");
  }
  return {};
}

}  // namespace

Status check_matmul(const MatMulAttributes& a, const Context& c) {
  TRY(expect_arity(c, {2, 4}));
  return expect_product(c, a.wide, 1);
}

Status check_conv(const ConvAttributes& a, const Context& c) {
  TRY(expect_arity(c, {2, 4}));
  return expect_product(c, a.wide, 3);
}

Status check_conv_transpose(const ConvTransposeAttributes& a, const Context& c) {
  TRY(expect_arity(c, {2, 2}));
  return expect_product(c, a.wide, 3);
}

Status check_attention(const AttentionAttributes& a, const Context& c) {
  TRY(expect_arity(c, {3, 6, 1, 2}));
  for (std::size_t i = 0; i < 3; ++i) {
    TRY(expect_tensor(c, i, "queries, keys, values", 4, 4));
    TRY(expect_float(c, i, "queries, keys, values"));
  }
  if (a.acc != DType::f32 && a.acc != DType::f64) return malformed("acc must be f32 or f64");
  if (a.left < -1 || a.right < -1) return malformed("a window must be -1 or not negative");
  if (c.has(3)) {
    TRY(expect_tensor(c, 3, "the mask", 1, 4));
    if (c.tensor(3).dtype() != DType::boolean) TRY(expect_float(c, 3, "the mask"));
  }
  if (c.has(4)) TRY(expect_dtype(c, 4, "kv_len", DType::i64));
  if (c.has(5)) TRY(expect_dtype(c, 5, "offset", DType::i64));
  return {};
}

Status check_recurrent(const RecurrentAttributes& a, const Context& c) {
  TRY(expect_arity(c, {3, 8, 1, 3}));
  for (std::size_t i = 0; i < 3; ++i) TRY(expect_tensor(c, i, "the input and weights", 3, 3));
  TRY(expect_float(c, 0, "the input"));
  for (std::size_t i = 1; i < c.operand_count(); ++i) {
    if (!c.has(i)) continue;
    if (i == 4)
      TRY(expect_index(c, i, "the lengths"));
    else
      TRY(expect_dtype(c, i, "an operand", c.tensor(0).dtype()));
  }
  return a.clip >= 0 ? Status() : malformed("clip must not be negative");
}

Status check_fourier(const FourierAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 2}));
  TRY(expect_tensor(c, 0, "x", 2));
  TRY(expect_float(c, 0, "x"));
  TRY(expect_axis(c, a.axis));
  return c.has(1) ? expect_dtype(c, 1, "the length", DType::i64) : Status();
}

Status check_det(const DetAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_tensor(c, 0, "the input", 2));
  return expect_float(c, 0, "the input");
}

Status check_fold(const FoldAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 2}));
  TRY(expect_tensor(c, 0, "x", 2));
  TRY(expect_number(c, 0, "x"));
  if (c.has(1)) {
    TRY(expect_tensor(c, 1, "the extents", 1, 1));
    TRY(expect_dtype(c, 1, "the extents", DType::i64));
  }
  return a.kernel.size() <= kMaxRank ? Status() : malformed("a kernel of too many axes");
}

Status check_pool(const PoolAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 1, 1, 2}));
  TRY(a.op == PoolOp::max ? expect_number(c, 0, "x") : expect_float(c, 0, "x"));
  if (c.result_count() > 1 && a.op != PoolOp::max) return malformed("only max gives an index");
  if (a.axes.size() != a.kernel.size()) return malformed("axes and kernel differ in length");
  return expect_ascending(c, a.axes);
}

Status check_reduce(const ReduceAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_tensor(c, 0, "the input"));
  const bool extreme = a.op == ReduceOp::max || a.op == ReduceOp::min;
  if (!extreme || c.tensor(0).dtype() != DType::boolean) TRY(expect_number(c, 0, "the input"));
  return expect_ascending(c, a.axes);
}

Status check_arg_reduce(const ArgReduceAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_number(c, 0, "the input"));
  return expect_axis(c, a.axis);
}

Status check_cumulate(const CumulateAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_number(c, 0, "the input"));
  return expect_axis(c, a.axis);
}

Status check_softmax(const SoftmaxAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_float(c, 0, "the input"));
  return expect_axis(c, a.axis);
}

Status check_normalize(const NormalizeAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 3, 1, 3}));
  TRY(expect_float(c, 0, "the input"));
  if (!is_arithmetic_float(a.acc)) return malformed("acc must be a float");
  for (std::size_t i = 1; i < 3; ++i)
    if (c.has(i)) TRY(expect_dtype(c, i, "scale and bias", c.tensor(0).dtype()));
  if (a.groups < 0 || (a.groups > 0 && !a.axes.empty()))
    return malformed("axes and groups exclude each other");
  return expect_ascending(c, a.axes);
}

}  // namespace gossamer::reference
