// Normalization: batch, instance, group, layer, root mean square, Lp and mean-variance.
#include <algorithm>
#include <numeric>

#include "onnx/elementwise.h"
#include "onnx/normalization.h"
#include "reference/reduce.h"

namespace gossamer::onnx {
namespace {

DType wide_of(DType d) { return d == DType::f64 ? DType::f64 : DType::f32; }

// A vector of channels laid along axis 1 of a tensor of this rank.
Result<ValueId> along_channels(Lowering& l, ValueId v, int rank) {
  ASSIGN(int own, l.rank_of(v));
  if (own != 1) return v;
  std::vector<int> ones;
  for (int d = 1; d < rank - 1; ++d) ones.push_back(d);
  return l.b().unsqueeze(v, ones);
}

Status expect_floats(Lowering& l) {
  TRY(expect_numeric(l));
  for (std::size_t i = 0; i < l.input_count(); ++i)
    if (l.has_input(i) && !is_arithmetic_float(l.dtype(i)))
      return l.wrong("input " + std::to_string(i) + " must be of floats");
  return {};
}

}  // namespace

Result<DType> stash_type(Lowering& l) {
  ASSIGN(DType stash, l.dtype_or("stash_type", DType::f32));
  if (!is_arithmetic_float(stash)) return l.wrong("attribute 'stash_type' must name a float");
  return stash;
}

Result<std::vector<ValueId>> normalize_tail(Lowering& l, ValueId x, ValueId scale, ValueId bias,
                                            std::int64_t axis, NormalizeAttributes a) {
  Builder& b = l.b();
  ASSIGN(int rank, l.rank_of(x));
  ASSIGN(int first, l.axis(axis, rank));
  a.axes.resize(static_cast<std::size_t>(rank - first));
  std::iota(a.axes.begin(), a.axes.end(), first);
  const DType other = scale != kNoValue ? b.dtype(scale) : b.dtype(x);
  const bool apart = other != b.dtype(x);
  std::vector<ValueId> operands = {x};
  if (!apart && (scale != kNoValue || bias != kNoValue)) operands.push_back(scale);
  if (!apart && bias != kNoValue) operands.push_back(bias);
  ASSIGN(std::vector<ValueId> r, b.add(kNormalize, std::move(a), std::move(operands), 3));
  if (!apart) return r;
  std::vector<ValueId> scaled = {r[0], scale};
  if (bias != kNoValue) scaled.push_back(bias);
  ASSIGN(r[0], b.pointwise(scaled, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref s = e.widen(in[1]);
    Ref y = e.mul(e.cast(in[0], e.dtype(s)), s);
    if (bias != kNoValue) y = e.add(y, e.cast(in[2], e.dtype(s)));
    return e.cast(y, other);
  }));
  return r;
}

Status lower_layer_normalization(Lowering& l) {
  TRY(expect_floats(l));
  NormalizeAttributes a;
  ASSIGN(a.epsilon, l.float_or("epsilon", 1e-5F));
  ASSIGN(a.acc, stash_type(l));
  ASSIGN(std::int64_t axis, l.int_or("axis", -1));
  const ValueId bias = l.has_input(2) ? l.input(2) : kNoValue;
  ASSIGN(std::vector<ValueId> r, normalize_tail(l, l.input(0), l.input(1), bias, axis, a));
  for (std::size_t i = 0; i < 3; ++i) l.output(i, r[i]);
  return {};
}

Status lower_rms_normalization(Lowering& l) {
  TRY(expect_floats(l));
  NormalizeAttributes a;
  a.center = false;
  ASSIGN(a.epsilon, l.float_or("epsilon", 1e-5F));
  ASSIGN(a.acc, stash_type(l));
  ASSIGN(std::int64_t axis, l.int_or("axis", -1));
  ASSIGN(std::vector<ValueId> r, normalize_tail(l, l.input(0), l.input(1), kNoValue, axis, a));
  l.output(0, r[0]);
  l.output(1, r[2]);  // the inverse deviation, which onnxruntime's SimplifiedLayerNormalization has
  return {};
}

Status lower_instance_normalization(Lowering& l) {
  TRY(expect_floats(l));
  Builder& b = l.b();
  ASSIGN(int rank, l.rank(0));
  if (rank < 2) return l.wrong("the input must have a channel axis");
  NormalizeAttributes a;
  ASSIGN(a.epsilon, l.float_or("epsilon", 1e-5F));
  for (int d = 2; d < rank; ++d) a.axes.push_back(d);
  const DType dtype = l.dtype(0);
  a.acc = wide_of(dtype);
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < 3; ++i) {
    ASSIGN(ValueId v, b.cast(l.input(i), a.acc));
    if (i > 0) {
      ASSIGN(v, along_channels(l, v, rank));
    }
    operands.push_back(v);
  }
  ASSIGN(ValueId y, b.one(kNormalize, std::move(a), std::move(operands)));
  return l.output(b.cast(y, dtype));
}

namespace {

// Before opset 21 there was one scale and bias a group: each serves C / groups channels.
Result<ValueId> repeat_for_channels(Lowering& l, ValueId v, std::int64_t groups) {
  Builder& b = l.b();
  ASSIGN(ValueId channels, b.dim_of(l.input(0), 1));
  ASSIGN(ValueId size, b.pointwise({channels}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.div(in[0], e.integer(DType::i64, groups));
  }));
  std::vector<ValueId> args;
  ASSIGN(std::vector<Extent> times, l.extents_of(size, args));
  return b.copy(v, {RepeatStep{0, times.at(0), true}}, std::move(args));
}

}  // namespace

Status lower_group_normalization(Lowering& l) {
  TRY(expect_floats(l));
  ASSIGN(int rank, l.rank(0));
  if (rank < 2) return l.wrong("the input must have a channel axis");
  NormalizeAttributes a;
  ASSIGN(a.epsilon, l.float_or("epsilon", 1e-5F));
  ASSIGN(a.groups, l.required_int("num_groups"));
  if (a.groups < 1) return l.wrong("attribute 'num_groups' must be positive");
  ASSIGN(a.acc, stash_type(l));
  std::vector<ValueId> operands = {l.input(0)};
  for (std::size_t i = 1; i < 3; ++i) {
    ValueId v = l.input(i);
    if (l.version() < 21) {
      ASSIGN(v, repeat_for_channels(l, v, a.groups));
    }
    ASSIGN(v, along_channels(l, v, rank));
    operands.push_back(v);
  }
  return l.output(l.b().one(kNormalize, std::move(a), std::move(operands)));
}

// --- batch ---

namespace {

// (x - mean) * scale / sqrt(var + epsilon) + bias; the factor is formed once a channel.
Status batch_result(Lowering& l, int rank, ValueId mean, ValueId var, float epsilon) {
  Builder& b = l.b();
  const DType dtype = l.dtype(0), wide = wide_of(dtype);
  ASSIGN(ValueId factor,
         b.pointwise({l.input(1), var}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref v = e.cast(in[1], wide);
           return e.div(e.cast(in[0], wide), e.sqrt(e.add(v, e.like(v, double{epsilon}))));
         }));
  std::vector<ValueId> operands = {l.input(0)};
  for (ValueId v : {mean, factor, l.input(2)}) {
    ASSIGN(v, along_channels(l, v, rank));
    operands.push_back(v);
  }
  return l.output(b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref centered = e.sub(e.cast(in[0], wide), e.cast(in[1], wide));
    return e.cast(e.add(e.mul(centered, in[2]), e.cast(in[3], wide)), dtype);
  }));
}

// Statistics of this batch, and the running ones moved towards them.
Status batch_training(Lowering& l, int rank, float epsilon, float momentum) {
  Builder& b = l.b();
  const DType wide = wide_of(l.dtype(0));
  ReduceAttributes reduce;
  reduce.op = ReduceOp::mean;
  for (int d = 0; d < rank; ++d)
    if (d != 1) reduce.axes.push_back(d);
  ASSIGN(ValueId x, b.cast(l.input(0), wide));
  ASSIGN(ValueId mean, b.one(kReduce, reduce, {x}));
  ASSIGN(ValueId laid, along_channels(l, mean, rank));
  ASSIGN(ValueId squares, b.pointwise({x, laid}, [](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref d = e.sub(in[0], in[1]);
    return e.mul(d, d);
  }));
  ASSIGN(ValueId var, b.one(kReduce, reduce, {squares}));
  const ValueId current[] = {mean, var};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!l.has_output(i + 1)) continue;
    const DType running = l.dtype(3 + i);
    ASSIGN(ValueId moved, b.pointwise({l.input(3 + i), current[i]},
                                      [&](ExpressionBuilder& e, std::span<const Ref> in) {
                                        const Ref m = e.constant(wide, double{momentum});
                                        const Ref rest = e.sub(e.constant(wide, 1), m);
                                        const Ref old = e.mul(e.cast(in[0], wide), m);
                                        return e.cast(e.add(old, e.mul(in[1], rest)), running);
                                      }));
    l.output(i + 1, moved);
  }
  return batch_result(l, rank, mean, var, epsilon);
}

}  // namespace

Status lower_batch_normalization(Lowering& l) {
  TRY(expect_floats(l));
  ASSIGN(int rank, l.rank(0));
  ASSIGN(float epsilon, l.float_or("epsilon", 1e-5F));
  ASSIGN(float momentum, l.float_or("momentum", 0.9F));
  ASSIGN(std::int64_t training, l.int_or("training_mode", 0));
  if (l.version() >= 14 && training != 0) {
    if (rank < 2) return l.wrong("the input must have a channel axis");
    return batch_training(l, rank, epsilon, momentum);
  }
  for (std::size_t i = 1; i < l.output_count(); ++i)
    if (l.has_output(i))
      return l.version() >= 14 ? l.wrong("outputs after the first need training_mode=1")
                               : l.refuse("its training form before opset 14 is not supported");
  return batch_result(l, rank, l.input(3), l.input(4), epsilon);
}

// --- by parts ---

Status lower_lp_normalization(Lowering& l) {
  TRY(expect_floats(l));
  Builder& b = l.b();
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t p, l.int_or("p", 2));
  if (p != 1 && p != 2) return l.wrong("attribute 'p' must be 1 or 2");
  ASSIGN(std::int64_t given, l.int_or("axis", -1));
  ASSIGN(int axis, l.axis(given, rank));
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId powers,
         b.pointwise({l.input(0)}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref x = e.widen(in[0]);
           return p == 1 ? e.abs(x) : e.mul(x, x);
         }));
  ReduceAttributes reduce;
  reduce.axes = {axis};
  reduce.keep = true;
  ASSIGN(ValueId sum, b.one(kReduce, std::move(reduce), {powers}));
  return l.output(
      b.pointwise({l.input(0), sum}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        const Ref norm = p == 1 ? in[1] : e.sqrt(in[1]);
        const Ref zero = e.like(norm, 0);
        return e.cast(e.select(e.eq(norm, zero), zero, e.div(e.widen(in[0]), norm)), dtype);
      }));
}

Status lower_mean_variance_normalization(Lowering& l) {
  TRY(expect_floats(l));
  Builder& b = l.b();
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::vector<std::int64_t> given, l.ints_or("axes", {0, 2, 3}));
  ReduceAttributes reduce;
  reduce.op = ReduceOp::mean;
  reduce.keep = true;
  ASSIGN(reduce.axes, l.axes(given, rank));
  std::sort(reduce.axes.begin(), reduce.axes.end());
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId x, b.cast(l.input(0), wide_of(dtype)));
  ASSIGN(ValueId mean, b.one(kReduce, reduce, {x}));
  ASSIGN(ValueId centered, b.binary(PointwiseOp::sub, x, mean));
  ASSIGN(ValueId squares, b.binary(PointwiseOp::mul, centered, centered));
  ASSIGN(ValueId variance, b.one(kReduce, reduce, {squares}));
  return l.output(
      b.pointwise({centered, variance}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        const Ref deviation = e.add(e.sqrt(in[1]), e.like(in[1], 1e-9));
        return e.cast(e.div(in[0], deviation), dtype);
      }));
}

}  // namespace gossamer::onnx
