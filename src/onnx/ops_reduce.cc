// Reductions: the Reduce kin, pooling over everything, Softmax and its logarithm.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "onnx/elementwise.h"
#include "reference/reduce.h"
#include "reference/softmax.h"

namespace gossamer::onnx {
namespace {

// The axes a Reduce operator names: an attribute below opset `as_input`, input 1 from there on.
// None named means all, or none at all with noop_with_empty_axes.
Result<std::vector<int>> reduced_axes(Lowering& l, std::int64_t as_input) {
  std::vector<std::int64_t> named;
  if (l.version() < as_input) {
    ASSIGN(named, l.ints_or("axes", {}));
  } else if (l.has_input(1)) {
    if (!l.type(1).is_tensor() || !is_integer(l.dtype(1)))
      return l.wrong("the axes must be integers");
    // A vector known to be empty needs no value.
    const gossamer::Type& t = l.type(1);
    const bool empty = t.ranked() && t.rank() == 1 && t.dim(0) == Dim(0);
    if (!empty) {
      ASSIGN(named, l.structure_ints(1));
    }
  }
  if (named.empty()) {
    ASSIGN(std::int64_t noop, l.int_or("noop_with_empty_axes", 0));
    if (noop != 0 && l.version() >= as_input) return std::vector<int>{};
    ASSIGN(int rank, l.rank(0));
    std::vector<int> all(static_cast<std::size_t>(rank));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::vector<int> axes, l.axes(named, rank));
  std::sort(axes.begin(), axes.end());
  return axes;
}

using Map = std::function<Ref(ExpressionBuilder&, Ref)>;

// after(reduce(before(x))), computed wide and rounded once; either map may be missing.
Status lower_reduce(Lowering& l, ReduceAttributes a, const Map& before, const Map& after,
                    DType wide) {
  const DType dtype = l.dtype(0);
  ValueId x = l.input(0);
  if (before || (after && wide != dtype)) {
    ASSIGN(x, l.b().pointwise({x}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
      const Ref v = e.cast(in[0], wide);
      return before ? before(e, v) : v;
    }));
  }
  if (!a.axes.empty()) {
    ASSIGN(x, l.b().one(kReduce, std::move(a), {x}));
  }
  if (after || l.b().dtype(x) != dtype) {
    ASSIGN(x, l.b().pointwise({x}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
      return e.cast(after ? after(e, in[0]) : in[0], dtype);
    }));
  }
  l.output(0, x);
  return {};
}

// The Reduce kin. `fractional`: integers pass through f64, since a root or a logarithm is taken.
Status lower_kin(Lowering& l, ReduceOp op, const Map& before = {}, const Map& after = {},
                 bool fractional = false, std::int64_t as_input = 18) {
  TRY(expect_numeric(l));
  ReduceAttributes a;
  a.op = op;
  ASSIGN(a.axes, reduced_axes(l, as_input));
  ASSIGN(std::int64_t keep, l.int_or("keepdims", 1));
  a.keep = keep != 0;
  const DType dtype = l.dtype(0);
  DType wide = dtype == DType::f16 || dtype == DType::bf16 ? DType::f32 : dtype;
  if (fractional && is_integer(dtype)) wide = DType::f64;
  if (op == ReduceOp::logsumexp && wide == DType::f64 && dtype != DType::f64)
    return lower_reduce(l, a, [](ExpressionBuilder&, Ref x) { return x; }, {}, wide);
  return lower_reduce(l, a, before, after, wide);
}

Ref absolute(ExpressionBuilder& e, Ref x) { return e.abs(x); }
Ref square(ExpressionBuilder& e, Ref x) { return e.mul(x, x); }
Ref root(ExpressionBuilder& e, Ref x) { return e.sqrt(x); }
Ref logarithm(ExpressionBuilder& e, Ref x) { return e.log(x); }

}  // namespace

Status lower_reduce_sum(Lowering& l) { return lower_kin(l, ReduceOp::sum, {}, {}, false, 13); }
Status lower_reduce_mean(Lowering& l) { return lower_kin(l, ReduceOp::mean); }
Status lower_reduce_prod(Lowering& l) { return lower_kin(l, ReduceOp::prod); }
Status lower_reduce_max(Lowering& l) { return lower_kin(l, ReduceOp::max); }
Status lower_reduce_min(Lowering& l) { return lower_kin(l, ReduceOp::min); }
Status lower_reduce_l1(Lowering& l) { return lower_kin(l, ReduceOp::sum, absolute); }
Status lower_reduce_l2(Lowering& l) { return lower_kin(l, ReduceOp::sum, square, root, true); }
Status lower_reduce_log_sum(Lowering& l) {
  return lower_kin(l, ReduceOp::sum, {}, logarithm, true);
}
Status lower_reduce_log_sum_exp(Lowering& l) {
  return lower_kin(l, ReduceOp::logsumexp, {}, {}, true);
}
Status lower_reduce_sum_square(Lowering& l) { return lower_kin(l, ReduceOp::sum, square); }

// --- pooling over every spatial axis ---

namespace {

// The axes after batch and channels, which stay with extent 1.
Result<ReduceAttributes> over_space(Lowering& l, ReduceOp op) {
  TRY(expect_numeric(l));
  ASSIGN(int rank, l.rank(0));
  if (rank < 2) return l.wrong("the input must have batch and channel axes");
  ReduceAttributes a;
  a.op = op;
  a.keep = true;
  for (int d = 2; d < rank; ++d) a.axes.push_back(d);
  return a;
}

}  // namespace

Status lower_global_average_pool(Lowering& l) {
  ASSIGN(ReduceAttributes a, over_space(l, ReduceOp::mean));
  return l.output(l.b().one(kReduce, std::move(a), {l.input(0)}));
}

Status lower_global_max_pool(Lowering& l) {
  ASSIGN(ReduceAttributes a, over_space(l, ReduceOp::max));
  return l.output(l.b().one(kReduce, std::move(a), {l.input(0)}));
}

Status lower_global_lp_pool(Lowering& l) {
  double p = 2;
  if (l.version() < 2) {
    ASSIGN(float given, l.float_or("p", 2));
    p = double{given};
  } else {
    ASSIGN(std::int64_t given, l.int_or("p", 2));
    p = static_cast<double>(given);
  }
  if (!(p > 0)) return l.wrong("attribute 'p' must be positive");
  ASSIGN(ReduceAttributes a, over_space(l, ReduceOp::sum));
  const DType dtype = l.dtype(0);
  const DType wide = dtype == DType::f64 ? DType::f64 : DType::f32;
  const auto powered = [p](ExpressionBuilder& e, Ref x) {
    if (p == 2) return e.mul(x, x);
    return p == 1 ? e.abs(x) : e.pow(e.abs(x), e.like(x, p));
  };
  const auto rooted = [p](ExpressionBuilder& e, Ref x) {
    if (p == 2) return e.sqrt(x);
    return p == 1 ? x : e.pow(x, e.like(x, 1 / p));
  };
  return lower_reduce(l, std::move(a), powered, rooted, wide);
}

// --- Softmax ---

namespace {

// Below opset 13 everything from `axis` on is one row.
Result<ValueId> softmax_of_tail(Lowering& l, int axis, bool log) {
  Builder& b = l.b();
  const int rank = b.rank(l.input(0));
  std::vector<ReshapeEntry> merged, split;
  for (int d = 0; d < axis; ++d) merged.push_back(ReshapeEntry::keep(d));
  split = merged;
  merged.push_back(ReshapeEntry::merge(axis, rank - 1));
  ASSIGN(ValueId tail, b.shape_of(l.input(0), axis));
  std::vector<ValueId> args;
  ASSIGN(std::vector<Extent> extents, l.extents_of(tail, args));
  for (const Extent& e : extents) split.push_back(ReshapeEntry::of(e));
  ASSIGN(ValueId rows, b.reshape(l.input(0), merged));
  ASSIGN(ValueId y, b.one(kSoftmax, SoftmaxAttributes{axis, log}, {rows}));
  return b.copy(y, {ReshapeStep{std::move(split)}}, std::move(args));
}

Status lower_softmax_kin(Lowering& l, bool log) {
  TRY(expect_numeric(l));
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t given, l.int_or("axis", l.version() < 13 ? 1 : -1));
  if (l.version() < 13 && given == rank && rank > 0) {
    // Rows of one element each.
    return l.output(
        l.b().pointwise({l.input(0)}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
          const Ref x = e.widen(in[0]);
          const Ref zero = e.sub(x, x);
          return e.cast(log ? zero : e.exp(zero), e.dtype(in[0]));
        }));
  }
  if (rank == 0) return l.wrong("the input must have an axis");
  ASSIGN(int axis, l.axis(given, rank));
  if (l.version() < 13 && axis != rank - 1) return l.output(softmax_of_tail(l, axis, log));
  return l.output(l.b().one(kSoftmax, SoftmaxAttributes{axis, log}, {l.input(0)}));
}

}  // namespace

Status lower_softmax(Lowering& l) { return lower_softmax_kin(l, false); }
Status lower_log_softmax(Lowering& l) { return lower_softmax_kin(l, true); }

}  // namespace gossamer::onnx
