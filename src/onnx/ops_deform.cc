// DeformConv: samples at displaced taps, then a product with the weights.
#include "onnx/lowering.h"
#include "onnx/windows.h"
#include "reference/matmul.h"
#include "reference/sample.h"

namespace gossamer::onnx {
namespace {

struct Deform {
  std::int64_t group = 1, offset_group = 1;
  std::int64_t channels = 0, outputs = 0;  // of x and of y
  std::int64_t taps = 1;
  std::vector<std::int64_t> kernel, strides, dilations, pads;
  int rank = 2;              // spatial
  DType dtype = DType::f32;  // what is computed in
};

Result<Deform> read_deform(Lowering& l) {
  Deform d;
  const gossamer::Type& w = l.type(1);
  const std::optional<Shape> shape = w.static_shape();
  if (!shape || shape->rank() < 3)
    return l.refuse("weights of type " + w.to_string() + " (a known shape is needed)");
  TRY(check_kernel_shape(l, l.input(1)));
  ASSIGN(d.group, l.int_or("group", 1));
  ASSIGN(d.offset_group, l.int_or("offset_group", 1));
  d.rank = shape->rank() - 2;
  d.outputs = (*shape)[0];
  const std::optional<std::int64_t> channels = checked_mul((*shape)[1], d.group);
  if (d.group < 1 || d.offset_group < 1 || !channels || d.outputs % d.group != 0 ||
      *channels % d.offset_group != 0)
    return l.wrong("weights of type " + w.to_string() + " do not fit the groups");
  d.channels = *channels;
  d.kernel.assign(shape->begin() + 2, shape->end());
  d.taps = shape->count(2, shape->rank());
  ASSIGN(const WindowArguments windows, read_windows(l));
  const auto rank = static_cast<std::size_t>(d.rank);
  WindowOptions options{windows.strides, windows.dilations, windows.pads, AutoPad::none, false};
  TRY(check_windows(options, rank));
  d.strides = windows.strides.empty() ? std::vector<std::int64_t>(rank, 1) : windows.strides;
  d.dilations = windows.dilations.empty() ? std::vector<std::int64_t>(rank, 1) : windows.dilations;
  d.pads = windows.pads.empty() ? std::vector<std::int64_t>(2 * rank, 0) : windows.pads;
  d.dtype = l.dtype(0) == DType::f64 ? DType::f64 : DType::f32;
  return d;
}

// offset[N, groups*taps*r, o..] as coordinates in pixels [N*groups, taps, o.., r].
Result<ValueId> coordinates(Lowering& l, const Deform& d) {
  Builder& b = l.b();
  std::vector<ReshapeEntry> split{ReshapeEntry::infer(), ReshapeEntry::of(d.taps),
                                  ReshapeEntry::of(d.rank)};
  for (int i = 0; i < d.rank; ++i) split.push_back(ReshapeEntry::keep(2 + i));
  ASSIGN(const ValueId wide, b.cast(l.input(2), d.dtype));
  ASSIGN(const ValueId parts, b.reshape(wide, split));
  std::vector<int> perm{0, 1};
  for (int i = 0; i < d.rank; ++i) perm.push_back(3 + i);
  perm.push_back(2);
  ASSIGN(const ValueId offsets, b.transpose(parts, perm));
  return b.pointwise({offsets}, [&](ExpressionBuilder& e, std::span<const Ref> x) {
    const Ref part = e.index(d.rank + 2);
    Ref base = e.integer(DType::i64, 0);
    std::int64_t inner = d.taps;
    for (int i = 0; i < d.rank; ++i) {
      const auto at = static_cast<std::size_t>(i);
      inner /= std::max<std::int64_t>(d.kernel[at], 1);
      const auto number = [&](std::int64_t n) { return e.integer(DType::i64, n); };
      const Ref tap = e.rem(e.div(e.index(1), number(inner)), number(d.kernel[at]));
      const Ref start = e.sub(e.mul(e.index(2 + i), number(d.strides[at])), number(d.pads[at]));
      const Ref here = e.add(start, e.mul(tap, number(d.dilations[at])));
      base = e.select(e.eq(part, number(i)), here, base);
    }
    return e.add(x[0], e.cast(base, d.dtype));
  });
}

// x and the mask, sampled: [N*groups, C/groups, taps, o..].
Result<ValueId> sampled(Lowering& l, const Deform& d) {
  Builder& b = l.b();
  std::vector<ReshapeEntry> split{ReshapeEntry::infer(),
                                  ReshapeEntry::of(d.channels / d.offset_group)};
  for (int i = 0; i < d.rank; ++i) split.push_back(ReshapeEntry::keep(2 + i));
  ASSIGN(const ValueId wide, b.cast(l.input(0), d.dtype));
  ASSIGN(const ValueId x, b.reshape(wide, split));
  ASSIGN(const ValueId at, coordinates(l, d));
  ASSIGN(const ValueId picked, b.one(kSample, SampleAttributes{}, {x, at}));
  if (!l.has_input(4)) return picked;
  std::vector<ReshapeEntry> by_group{ReshapeEntry::infer(), ReshapeEntry::of(1),
                                     ReshapeEntry::of(d.taps)};
  for (int i = 0; i < d.rank; ++i) by_group.push_back(ReshapeEntry::keep(2 + i));
  ASSIGN(const ValueId wide_mask, b.cast(l.input(4), d.dtype));
  ASSIGN(const ValueId mask, b.reshape(wide_mask, by_group));
  return b.binary(PointwiseOp::mul, picked, mask);
}

}  // namespace

// x[N,C,d..], w[M,C/group,k..], offset, [bias], [mask]
Status lower_deform_conv(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const Deform d, read_deform(l));
  const std::int64_t depth = d.channels / d.group * d.taps;
  ASSIGN(const ValueId samples, sampled(l, d));
  ASSIGN(const ValueId columns,
         b.reshape(samples, {ReshapeEntry::infer(), ReshapeEntry::of(d.group),
                             ReshapeEntry::of(depth), ReshapeEntry::merge(3, 2 + d.rank)}));
  ASSIGN(const ValueId wide, b.cast(l.input(1), d.dtype));
  ASSIGN(const ValueId weights,
         b.reshape_to(wide, std::vector<std::int64_t>{d.group, d.outputs / d.group, depth}));
  ASSIGN(const ValueId product, b.one(kMatMul, MatMulAttributes{}, {weights, columns}));
  // [N, group, M/group, pixels] back into planes.
  ASSIGN(const ValueId planes, b.shape_of(l.input(2), 2));
  std::vector<ValueId> args;
  ASSIGN(const std::vector<Extent> extents, l.extents_of(planes, args));
  ReshapeStep step{{ReshapeEntry::keep(0), ReshapeEntry::merge(1, 2)}};
  for (const Extent& e : extents) step.dims.push_back(ReshapeEntry::of(e));
  ASSIGN(const ValueId y, b.copy(product, {std::move(step)}, args));
  return l.output(
      finish_product(l, y, l.dtype(0), l.has_input(3) ? l.input(3) : kNoValue, d.rank + 2));
}

}  // namespace gossamer::onnx
