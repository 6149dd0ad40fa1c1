// Resampling, regions, boxes and spectra.
#include <bit>
#include <numeric>

#include "onnx/raise.h"
#include "reference/fourier.h"
#include "reference/non_max_suppression.h"
#include "reference/resize.h"
#include "reference/roi_pool.h"
#include "reference/sample.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;

template <class E>
std::string_view name_of(E e) {
  return enum_names(e)[static_cast<std::size_t>(e)];
}

}  // namespace

Status raise_resize(Raising& r) {
  const auto& a = r.attributes<ResizeAttributes>();
  Raising::Attributes attributes = {
      attribute("mode", name_of(a.mode)),
      attribute("coordinate_transformation_mode", name_of(a.coordinate))};
  if (a.mode == ResizeMode::nearest)
    attributes.push_back(attribute("nearest_mode", name_of(a.nearest)));
  if (a.mode == ResizeMode::cubic) attributes.push_back(attribute("cubic_coeff_a", a.cubic_a));
  if (a.exclude_outside) attributes.push_back(attribute("exclude_outside", std::int64_t{1}));
  if (a.extrapolation != 0) attributes.push_back(attribute("extrapolation_value", a.extrapolation));
  if (a.antialias) attributes.push_back(attribute("antialias", std::int64_t{1}));
  if (a.policy != ResizePolicy::stretch)
    attributes.push_back(attribute("keep_aspect_ratio_policy", name_of(a.policy)));
  if (a.antialias || a.policy != ResizePolicy::stretch) r.needs(18);
  if (a.coordinate == ResizeCoordinate::half_pixel_symmetric) r.needs(19);
  std::vector<int> all(r.type(0).ranked() ? static_cast<std::size_t>(r.type(0).rank()) : 0);
  std::iota(all.begin(), all.end(), 0);
  if (all.empty() || a.axes != all) {
    r.needs(18);
    attributes.push_back(
        attribute("axes", std::vector<std::int64_t>(a.axes.begin(), a.axes.end())));
  }
  r.result(0, r.emit("Resize", {r.operand(0), r.operand(3), r.operand(1), r.operand(2)},
                     std::move(attributes)));
  return {};
}

namespace {

// Whether each extent of the plane, less `less`, is a power of two: what divides by it is exact.
bool halves(const gossamer::Type& plane, std::int64_t less) {
  bool all = true;
  for (int d = 2; d < plane.rank(); ++d) {
    const std::int64_t n = plane.dim(d).constant().value_or(0) - less;
    all = all && n > 0 && std::has_single_bit(static_cast<std::uint64_t>(n));
  }
  return all;
}

// Whether coordinates from -1 to 1 reach from center to center of the border pixels. With zeros
// outside that makes no difference, so it is whichever divides exactly; center to center cannot say
// a place outside a plane of one pixel.
bool between_centers(Raising& r, const SampleAttributes& a) {
  if (a.outside != SampleOutside::zero) return a.centers;
  const gossamer::Type& x = r.type(0);
  if (halves(x, a.centers ? 1 : 0)) return a.centers;
  if (halves(x, a.centers ? 0 : 1)) return !a.centers;
  bool wide = true;
  for (int d = 2; d < x.rank(); ++d) wide = wide && x.dim(d).constant().value_or(1) > 1;
  return a.centers && wide;
}

}  // namespace

// Pixels become coordinates from -1 to 1, the last axis of the plane first.
Status raise_sample(Raising& r) {
  const auto& a = r.attributes<SampleAttributes>();
  ASSIGN(const int rank, r.rank(0));
  const DType real = r.dtype(1);
  r.needs(rank == 4 ? 16 : 20);
  const std::int64_t axes = rank - 2;
  const Name shape =
      r.emit("Slice", {r.emit("Shape", {r.operand(0)}), r.ints({2}), r.ints({rank})});
  const Name extents = r.cast(shape, DType::i64, real);
  const auto number = [&](double v) { return r.number(real, v); };
  const Name doubled = r.emit("Mul", {r.operand(1), number(2)});
  Name at;
  const bool centers = between_centers(r, a);
  if (centers) {
    const Name last = r.emit("Max", {r.emit("Sub", {extents, number(1)}), number(1)});
    at = r.emit("Div", {doubled, last});
  } else {
    at = r.emit("Div", {r.emit("Add", {doubled, number(1)}), extents});
  }
  at = r.emit("Sub", {at, number(1)});
  std::vector<std::int64_t> order;
  for (std::int64_t d = axes - 1; d >= 0; --d) order.push_back(d);
  at = r.emit("Gather", {at, r.ints(order)}, {attribute("axis", std::int64_t{-1})});
  const bool renamed = r.opset() >= 20 || rank != 4;
  constexpr std::string_view kOld[] = {"nearest", "bilinear", "bicubic"};
  constexpr std::string_view kOutside[] = {"zeros", "border", "reflection"};
  r.result(
      0,
      r.emit("GridSample", {r.operand(0), at},
             {attribute("mode", renamed ? name_of(a.mode) : kOld[static_cast<std::size_t>(a.mode)]),
              attribute("padding_mode", kOutside[static_cast<std::size_t>(a.outside)]),
              attribute("align_corners", std::int64_t{centers ? 1 : 0})}));
  return {};
}

Status raise_roi_pool(Raising& r) {
  const auto& a = r.attributes<RoiPoolAttributes>();
  if (a.op == RoiPoolOp::max) {
    const Name batch = r.unsqueeze(r.cast(r.operand(2), r.dtype(2), r.dtype(1)), {1});
    const Name rois = r.emit("Concat", {batch, r.operand(1)}, {attribute("axis", std::int64_t{1})});
    r.result(0, r.emit("MaxRoiPool", {r.operand(0), rois},
                       {attribute("pooled_shape", std::vector<std::int64_t>{a.height, a.width}),
                        attribute("spatial_scale", a.scale)}));
    return {};
  }
  r.needs(16);
  r.result(0, r.emit("RoiAlign", {r.operand(0), r.operand(1), r.operand(2)},
                     {attribute("mode", a.op == RoiPoolOp::align_max ? "max" : "avg"),
                      attribute("output_height", a.height), attribute("output_width", a.width),
                      attribute("sampling_ratio", a.sampling), attribute("spatial_scale", a.scale),
                      attribute("coordinate_transformation_mode",
                                a.half_pixel ? "half_pixel" : "output_half_pixel")}));
  return {};
}

Status raise_fourier(Raising& r) {
  const auto& a = r.attributes<FourierAttributes>();
  r.needs(a.inverse && a.onesided ? 20 : 17);
  Raising::Attributes attributes;
  if (a.inverse) attributes.push_back(attribute("inverse", std::int64_t{1}));
  if (a.onesided) attributes.push_back(attribute("onesided", std::int64_t{1}));
  Raising::Names inputs = {r.operand(0), r.operand(1)};
  if (r.opset() >= 20)
    inputs.push_back(r.integer(a.axis));
  else
    attributes.push_back(attribute("axis", std::int64_t{a.axis}));
  r.result(0, r.emit("DFT", std::move(inputs), std::move(attributes)));
  return {};
}

Status raise_non_max_suppression(Raising& r) {
  const auto& a = r.attributes<NonMaxSuppressionAttributes>();
  Raising::Names inputs;
  for (std::size_t i = 0; i < r.operand_count(); ++i) inputs.push_back(r.operand(i));
  Raising::Attributes attributes;
  if (a.center) attributes.push_back(attribute("center_point_box", std::int64_t{1}));
  r.result(0, r.emit("NonMaxSuppression", std::move(inputs), std::move(attributes)));
  return {};
}

}  // namespace gossamer::onnx
