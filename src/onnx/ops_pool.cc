// MaxPool, AveragePool, LpPool, LRN.
#include <cmath>

#include "onnx/lowering.h"
#include "onnx/windows.h"
#include "reference/pool.h"

namespace gossamer::onnx {

Result<PoolAttributes> read_pool(Lowering& l, PoolOp op, int first_axis) {
  ASSIGN(WindowArguments w, read_windows(l));
  PoolAttributes a;
  a.op = op;
  ASSIGN(a.kernel, l.required_ints("kernel_shape"));
  if (a.kernel.empty() || a.kernel.size() + 2 > static_cast<std::size_t>(kMaxRank))
    return l.wrong("attribute 'kernel_shape' has " + std::to_string(a.kernel.size()) + " numbers");
  for (std::size_t i = 0; i < a.kernel.size(); ++i)
    a.axes.push_back(static_cast<int>(i) + first_axis);
  a.strides = std::move(w.strides);
  a.dilations = std::move(w.dilations);
  a.pads = std::move(w.pads);
  a.auto_pad = w.auto_pad;
  ASSIGN(const std::int64_t ceil, l.int_or("ceil_mode", 0));
  a.ceil = ceil != 0;
  if (l.type(0).ranked() && l.type(0).shape->size() != a.kernel.size() + 2)
    return l.wrong("attribute 'kernel_shape' does not fit an input of type " +
                   l.type(0).to_string());
  return a;
}

Status lower_max_pool(Lowering& l) {
  ASSIGN(PoolAttributes a, read_pool(l, PoolOp::max));
  ASSIGN(const std::int64_t order, l.int_or("storage_order", 0));
  const bool indexed = l.has_output(1);
  a.column_major = indexed && order != 0;
  ASSIGN(const std::vector<ValueId> y, l.b().add(kPool, a, {l.input(0)}, indexed ? 2 : 1));
  l.output(0, y[0]);
  if (indexed) l.output(1, y[1]);
  return {};
}

Status lower_average_pool(Lowering& l) {
  ASSIGN(PoolAttributes a, read_pool(l, PoolOp::mean));
  ASSIGN(const std::int64_t count_pad, l.int_or("count_include_pad", 0));
  a.count_pad = count_pad != 0;
  return l.output(l.b().one(kPool, a, {l.input(0)}));
}

Status lower_lp_pool(Lowering& l) {
  ASSIGN(PoolAttributes a, read_pool(l, PoolOp::lp));
  if (l.version() < 2) {
    ASSIGN(a.p, l.float_or("p", 2));
  } else {
    ASSIGN(const std::int64_t p, l.int_or("p", 2));
    a.p = static_cast<float>(p);
  }
  if (!(a.p > 0)) return l.wrong("attribute 'p' must be positive");
  return l.output(l.b().one(kPool, a, {l.input(0)}));
}

// x / (bias + alpha / size * s)^beta with s the sum of squares of `size` neighboring channels.
Status lower_lrn(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const std::int64_t size, l.required_int("size"));
  ASSIGN(const float alpha, l.float_or("alpha", 1e-4F));
  ASSIGN(const float beta, l.float_or("beta", 0.75F));
  ASSIGN(const float bias, l.float_or("bias", 1));
  if (size < 1) return l.wrong("attribute 'size' must be positive");
  PoolAttributes a;
  a.op = PoolOp::sum;
  a.axes = {1};
  a.kernel = {size};
  a.pads = {(size - 1) / 2, size - 1 - (size - 1) / 2};
  const DType dtype = l.dtype(0);
  ASSIGN(const ValueId squares,
         b.pointwise({l.input(0)}, [](ExpressionBuilder& e, std::span<const Ref> x) {
           const Ref wide = e.widen(x[0]);
           return e.mul(wide, wide);
         }));
  ASSIGN(const ValueId sums, b.one(kPool, a, {squares}));
  return l.output(
      b.pointwise({l.input(0), sums}, [&](ExpressionBuilder& e, std::span<const Ref> x) {
        const Ref scale = e.like(x[1], double{alpha} / static_cast<double>(size));
        const Ref base = e.add(e.like(x[1], double{bias}), e.mul(scale, x[1]));
        const Ref y = e.div(e.widen(x[0]), e.pow(base, e.like(base, double{beta})));
        return e.cast(y, dtype);
      }));
}

}  // namespace gossamer::onnx
