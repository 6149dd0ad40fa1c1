// com.microsoft's operators between quantized tensors: what goes in is dequantized, the operator is
// computed in f32, and its result is quantized.
#include <algorithm>

#include "onnx/elementwise.h"
#include "onnx/quantize.h"
#include "onnx/windows.h"
#include "reference/reduce.h"
#include "reference/softmax.h"

namespace gossamer::onnx {

// --- shared ---

Result<ValueId> as_scalar(Lowering& l, ValueId v) {
  const gossamer::Type& t = l.b().type(v);
  if (!t.ranked() || t.rank() == 0 || t.element_count() != Dim(1)) return v;
  return l.b().reshape_to(v, std::vector<std::int64_t>{});
}

Result<ValueId> dequantized(Lowering& l, ValueId values, ValueId scale, ValueId zero_point) {
  std::vector<ValueId> operands = {values, scale};
  if (zero_point != kNoValue) operands.push_back(zero_point);
  return l.b().pointwise(operands, [](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref zero = in.size() > 2 ? in[2] : e.integer(e.dtype(in[0]), 0);
    return e.dequantize(in[0], in[1], zero, DType::f32);
  });
}

namespace {

// Operands of one Pointwise, under construction.
struct Operands {
  std::vector<ValueId> values;
  // Position of input i among them, -1 when it is left out.
  Result<int> add(Lowering& l, std::size_t i, bool scalar) {
    if (!l.has_input(i)) return -1;
    ValueId v = l.input(i);
    if (scalar) {
      ASSIGN(v, as_scalar(l, v));
    }
    values.push_back(v);
    return static_cast<int>(values.size()) - 1;
  }
};

struct Place {
  int values, scale, zero_point;
};

// Inputs i, i + 1, i + 2: values (unless `scaling_only`), scale, zero point.
Result<Place> add_quantized(Lowering& l, Operands& o, std::size_t i, bool scaling_only = false) {
  Place p{-1, -1, -1};
  if (!scaling_only) {
    ASSIGN(p.values, o.add(l, i++, false));
  }
  ASSIGN(p.scale, o.add(l, i, true));
  ASSIGN(p.zero_point, o.add(l, i + 1, true));
  if (p.scale < 0 || (!scaling_only && p.values < 0)) return l.wrong("a scale is missing");
  return p;
}

using RealFn = std::function<Ref(ExpressionBuilder&, std::span<const Ref> reals, Ref plain)>;

// quantize(build(dequantized inputs)). Quantized inputs begin at each of `starts`; the result's
// scale is input `out`, its zero point the next. Input `plain` comes as it is (-1: none).
Result<ValueId> quantized_expression(Lowering& l, std::initializer_list<std::size_t> starts,
                                     std::size_t out, const RealFn& build, int plain = -1) {
  TRY(expect_numeric(l));
  Operands o;
  std::vector<Place> places;
  for (std::size_t i : starts) {
    if (!l.has_input(i) || !is_integer(l.dtype(i)))
      return l.wrong("input " + std::to_string(i) + " must be integers");
    ASSIGN(Place p, add_quantized(l, o, i));
    places.push_back(p);
  }
  ASSIGN(Place y, add_quantized(l, o, out, true));
  int plain_at = -1;
  if (plain >= 0) {
    ASSIGN(plain_at, o.add(l, static_cast<std::size_t>(plain), false));
  }
  return l.b().pointwise(o.values, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const auto at = [&](int i) { return in[static_cast<std::size_t>(i)]; };
    const DType dtype = e.dtype(at(places[0].values));
    std::vector<Ref> reals;
    for (const Place& p : places) {
      const Ref q = at(p.values);
      const Ref zero = p.zero_point < 0 ? e.integer(e.dtype(q), 0) : at(p.zero_point);
      reals.push_back(e.dequantize(q, at(p.scale), zero, DType::f32));
    }
    const Ref zero = y.zero_point < 0 ? e.integer(dtype, 0) : at(y.zero_point);
    return e.quantize(build(e, reals, plain_at < 0 ? Ref{} : at(plain_at)), at(y.scale), zero);
  });
}

// Input 0 to 2 dequantized.
Result<ValueId> dequantized_input(Lowering& l) {
  TRY(expect_numeric(l));
  if (!is_integer(l.dtype(0))) return l.wrong("input 0 must be integers");
  ASSIGN(ValueId scale, as_scalar(l, l.input(1)));
  ValueId zero = kNoValue;
  if (l.has_input(2)) {
    ASSIGN(zero, as_scalar(l, l.input(2)));
  }
  return dequantized(l, l.input(0), scale, zero);
}

// Output 0 is y quantized by inputs 3 and 4, to input 0's type unless there is a zero point.
Status quantize_output(Lowering& l, ValueId y) {
  if (!l.has_input(3)) return l.wrong("the scale of the result is missing");
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId scale, as_scalar(l, l.input(3)));
  std::vector<ValueId> operands = {y, scale};
  if (l.has_input(4)) {
    ASSIGN(ValueId zero, as_scalar(l, l.input(4)));
    operands.push_back(zero);
  }
  return l.output(l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.quantize(in[0], in[1], in.size() > 2 ? in[2] : e.integer(dtype, 0));
  }));
}

}  // namespace

// --- elementwise ---

Status lower_qlinear_add(Lowering& l) {
  return l.output(quantized_expression(
      l, {0, 3}, 6,
      [](ExpressionBuilder& e, std::span<const Ref> x, Ref) { return e.add(x[0], x[1]); }));
}

Status lower_qlinear_mul(Lowering& l) {
  return l.output(quantized_expression(
      l, {0, 3}, 6,
      [](ExpressionBuilder& e, std::span<const Ref> x, Ref) { return e.mul(x[0], x[1]); }));
}

Status lower_qlinear_where(Lowering& l) {
  return l.output(quantized_expression(
      l, {1, 4}, 7,
      [](ExpressionBuilder& e, std::span<const Ref> x, Ref condition) {
        return e.select(condition, x[0], x[1]);
      },
      0));
}

Status lower_qlinear_sigmoid(Lowering& l) {
  return l.output(quantized_expression(
      l, {0}, 3,
      [](ExpressionBuilder& e, std::span<const Ref> x, Ref) { return e.sigmoid(x[0]); }));
}

Status lower_qlinear_leaky_relu(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 0.01F));
  return l.output(
      quantized_expression(l, {0}, 3, [&](ExpressionBuilder& e, std::span<const Ref> x, Ref) {
        const Ref leaked = e.mul(e.like(x[0], double{alpha}), x[0]);
        return e.select(e.lt(x[0], e.like(x[0], 0)), leaked, x[0]);
      }));
}

// The result's scale and zero point stand first, then values, scale and zero point of each part.
Status lower_qlinear_concat(Lowering& l) {
  if (l.input_count() < 5 || (l.input_count() - 2) % 3 != 0)
    return l.wrong("the number of inputs does not fit");
  std::vector<ValueId> parts;
  for (std::size_t i = 2; i < l.input_count(); i += 3) {
    ASSIGN(ValueId part,
           quantized_expression(
               l, {i}, 0, [](ExpressionBuilder&, std::span<const Ref> x, Ref) { return x[0]; }));
    parts.push_back(part);
  }
  ASSIGN(int rank, l.rank_of(parts[0]));
  ASSIGN(std::int64_t named, l.required_int("axis"));
  ASSIGN(int axis, l.axis(named, rank));
  return l.output(l.b().concat(std::move(parts), axis));
}

// --- along axes ---

// Attribute `opset` is that of the Softmax meant: below 13 everything from `axis` on is one row.
Status lower_qlinear_softmax(Lowering& l) {
  ASSIGN(std::int64_t opset, l.required_int("opset"));
  ASSIGN(std::int64_t named, l.int_or("axis", opset < 13 ? 1 : -1));
  ASSIGN(int rank, l.rank(0));
  if (rank == 0) return l.wrong("the input must have an axis");
  ASSIGN(int axis, l.axis(named, rank));
  ASSIGN(ValueId x, dequantized_input(l));
  Builder& b = l.b();
  if (opset >= 13 || axis == rank - 1) {
    ASSIGN(ValueId y, b.one(kSoftmax, SoftmaxAttributes{axis, false}, {x}));
    return quantize_output(l, y);
  }
  std::vector<ReshapeEntry> merged, split;
  for (int d = 0; d < axis; ++d) merged.push_back(ReshapeEntry::keep(d));
  split = merged;
  merged.push_back(ReshapeEntry::merge(axis, rank - 1));
  ASSIGN(ValueId tail, b.shape_of(x, axis));
  std::vector<ValueId> args;
  ASSIGN(std::vector<Extent> extents, l.extents_of(tail, args));
  for (const Extent& e : extents) split.push_back(ReshapeEntry::of(e));
  ASSIGN(ValueId rows, b.reshape(x, std::move(merged)));
  ASSIGN(ValueId y, b.one(kSoftmax, SoftmaxAttributes{axis, false}, {rows}));
  ASSIGN(y, b.copy(y, {ReshapeStep{std::move(split)}}, std::move(args)));
  return quantize_output(l, y);
}

namespace {

Status lower_quantized_mean(Lowering& l, std::vector<int> axes, bool keep) {
  ReduceAttributes a;
  a.op = ReduceOp::mean;
  a.axes = std::move(axes);
  a.keep = keep;
  ASSIGN(ValueId y, dequantized_input(l));
  if (!a.axes.empty()) {
    ASSIGN(y, l.b().one(kReduce, std::move(a), {y}));
  }
  return quantize_output(l, y);
}

}  // namespace

Status lower_qlinear_reduce_mean(Lowering& l) {
  ASSIGN(std::int64_t keep, l.int_or("keepdims", 1));
  ASSIGN(std::vector<std::int64_t> named, l.ints_or("axes", {}));
  ASSIGN(int rank, l.rank(0));
  if (named.empty())
    for (int d = 0; d < rank; ++d) named.push_back(d);
  ASSIGN(std::vector<int> axes, l.axes(named, rank));
  std::sort(axes.begin(), axes.end());
  return lower_quantized_mean(l, std::move(axes), keep != 0);
}

Status lower_qlinear_global_average_pool(Lowering& l) {
  ASSIGN(std::int64_t last, l.int_or("channels_last", 0));
  ASSIGN(int rank, l.rank(0));
  if (rank < 2) return l.wrong("the input must have batch and channel axes");
  std::vector<int> axes;
  for (int d = 2; d < rank; ++d) axes.push_back(last != 0 ? d - 1 : d);
  return lower_quantized_mean(l, std::move(axes), true);
}

// --- windows ---

Status lower_qlinear_average_pool(Lowering& l) {
  ASSIGN(std::int64_t last, l.int_or("channels_last", 0));
  ASSIGN(PoolAttributes a, read_pool(l, PoolOp::mean, last != 0 ? 1 : 2));
  ASSIGN(std::int64_t count_pad, l.int_or("count_include_pad", 0));
  a.count_pad = count_pad != 0;
  ASSIGN(ValueId x, dequantized_input(l));
  ASSIGN(ValueId y, l.b().one(kPool, std::move(a), {x}));
  return quantize_output(l, y);
}

// Channels stand behind the windows' axes.
Status lower_nhwc_max_pool(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(PoolAttributes a, read_pool(l, PoolOp::max, 1));
  return l.output(l.b().one(kPool, std::move(a), {l.input(0)}));
}

}  // namespace gossamer::onnx
