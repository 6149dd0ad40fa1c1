// GridSample, AffineGrid, RoiAlign, MaxRoiPool, NonMaxSuppression.
#include "onnx/lowering.h"
#include "reference/matmul.h"
#include "reference/non_max_suppression.h"
#include "reference/roi_pool.h"
#include "reference/sample.h"

namespace gossamer::onnx {
namespace {

Result<SampleAttributes> read_sample(Lowering& l) {
  SampleAttributes a;
  ASSIGN(const std::string mode, l.string_or("mode", "linear"));
  if (mode == "nearest")
    a.mode = SampleMode::nearest;
  else if (mode == "cubic" || mode == "bicubic")
    a.mode = SampleMode::cubic;
  else if (mode != "linear" && mode != "bilinear")
    return l.wrong("attribute 'mode': unknown value '" + mode + "'");
  ASSIGN(const std::string outside, l.string_or("padding_mode", "zeros"));
  if (outside == "border")
    a.outside = SampleOutside::border;
  else if (outside == "reflection")
    a.outside = SampleOutside::reflect;
  else if (outside != "zeros")
    return l.wrong("attribute 'padding_mode': unknown value '" + outside + "'");
  ASSIGN(const std::int64_t corners, l.int_or("align_corners", 0));
  a.centers = corners != 0;
  return a;
}

SliceStep reversed(int axis) {
  SliceStep s;
  s.axis = axis;
  s.start = INT64_MAX;
  s.end = INT64_MIN;
  s.stride = -1;
  return s;
}

}  // namespace

// The grid holds x, y(, z) in [-1, 1]; Sample wants pixels in the order of the axes.
Status lower_grid_sample(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const SampleAttributes a, read_sample(l));
  ASSIGN(const int rank, l.rank(1));
  if (rank < 3) return l.wrong("a grid of type " + l.type(1).to_string());
  const DType dtype = l.dtype(1) == DType::f64 ? DType::f64 : DType::f32;
  ASSIGN(const ValueId grid, b.copy(l.input(1), {reversed(rank - 1)}));
  ASSIGN(const ValueId extents, b.shape_of(l.input(0), 2));
  ASSIGN(const ValueId pixels,
         b.pointwise({grid, extents}, [&](ExpressionBuilder& e, std::span<const Ref> x) {
           const Ref from_zero = e.add(e.cast(x[0], dtype), e.constant(dtype, 1));
           const Ref n = e.cast(x[1], dtype), one = e.constant(dtype, 1),
                     half = e.constant(dtype, 0.5);
           if (a.centers) return e.mul(e.mul(from_zero, half), e.sub(n, one));
           return e.mul(e.sub(e.mul(from_zero, n), one), half);
         }));
  return l.output(b.one(kSample, a, {l.input(0), pixels}));
}

namespace {

// The coordinate in [-1, 1] of an index along an axis.
Ref normalized(ExpressionBuilder& e, int axis, DType dtype, bool corners) {
  const Ref i = e.cast(e.index(axis), dtype), n = e.cast(e.extent(axis), dtype);
  const Ref one = e.constant(dtype, 1), two = e.constant(dtype, 2);
  if (!corners) return e.sub(e.div(e.add(e.mul(i, two), one), n), one);
  const Ref steps = e.max(e.sub(n, one), one);
  return e.sub(e.div(e.mul(i, two), steps), one);
}

}  // namespace

// theta[N,r,r+1] applied to the homogeneous coordinates (x, y(, z), 1) of every pixel.
Status lower_affine_grid(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const std::int64_t length, l.vector_length(1));
  ASSIGN(const std::int64_t align, l.int_or("align_corners", 0));
  const int r = static_cast<int>(length) - 2;
  if (r < 1 || r > 3) return l.wrong("a size of " + std::to_string(length) + " numbers");
  const DType dtype = l.dtype(0) == DType::f64 ? DType::f64 : DType::f32;
  ASSIGN(const ValueId spatial, b.slice(l.input(1), 0, 2, length));
  ASSIGN(const ValueId extent, b.concat({spatial, b.constant_ints({r + 1})}, 0));
  ASSIGN(const ValueId pixels,
         b.pointwise_over(extent, {}, [&](ExpressionBuilder& e, std::span<const Ref>) {
           Ref value = e.constant(dtype, 1);
           for (int k = 0; k < r; ++k)
             value = e.select(e.eq(e.index(r), e.integer(DType::i64, k)),
                              normalized(e, r - 1 - k, dtype, align != 0), value);
           return value;
         }));
  std::vector<int> ones;
  for (int i = 1; i < r; ++i) ones.push_back(i);
  ASSIGN(const ValueId wide, b.cast(l.input(0), dtype));
  ASSIGN(const ValueId theta, b.unsqueeze(wide, ones));
  MatMulAttributes a;
  a.trans_b = true;
  ASSIGN(const ValueId grid, b.one(kMatMul, a, {pixels, theta}));
  return l.output(b.cast(grid, l.dtype(0)));
}

Status lower_roi_align(Lowering& l) {
  RoiPoolAttributes a;
  ASSIGN(const std::string mode, l.string_or("mode", "avg"));
  if (mode != "avg" && mode != "max")
    return l.wrong("attribute 'mode': unknown value '" + mode + "'");
  a.op = mode == "avg" ? RoiPoolOp::align_mean : RoiPoolOp::align_max;
  ASSIGN(a.height, l.int_or("output_height", 1));
  ASSIGN(a.width, l.int_or("output_width", 1));
  ASSIGN(a.sampling, l.int_or("sampling_ratio", 0));
  ASSIGN(a.scale, l.float_or("spatial_scale", 1));
  ASSIGN(const std::string coordinates,
         l.string_or("coordinate_transformation_mode",
                     l.version() < 16 ? "output_half_pixel" : "half_pixel"));
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return l.wrong("attribute 'coordinate_transformation_mode': unknown value '" + coordinates +
                   "'");
  a.half_pixel = coordinates == "half_pixel";
  return l.output(l.b().one(kRoiPool, a, {l.input(0), l.input(1), l.input(2)}));
}

// rois[R,5]: image, then the corners.
Status lower_max_roi_pool(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(const std::vector<std::int64_t> size, l.required_ints("pooled_shape"));
  if (size.size() != 2) return l.wrong("attribute 'pooled_shape' must have two numbers");
  RoiPoolAttributes a;
  a.op = RoiPoolOp::max;
  a.height = size[0];
  a.width = size[1];
  ASSIGN(a.scale, l.float_or("spatial_scale", 1));
  ASSIGN(const ValueId column, b.slice(l.input(1), 1, 0, 1));
  ASSIGN(const ValueId images, b.squeeze(column, {1}));
  ASSIGN(const ValueId batch, b.cast(images, DType::i64));
  ASSIGN(const ValueId regions, b.slice(l.input(1), 1, 1, 5));
  return l.output(b.one(kRoiPool, a, {l.input(0), regions, batch}));
}

Status lower_non_max_suppression(Lowering& l) {
  NonMaxSuppressionAttributes a;
  ASSIGN(const std::int64_t center, l.int_or("center_point_box", 0));
  a.center = center != 0;
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < l.input_count(); ++i)
    operands.push_back(l.has_input(i) ? l.input(i) : kNoValue);
  return l.output(l.b().one(kNonMaxSuppression, a, std::move(operands)));
}

}  // namespace gossamer::onnx
