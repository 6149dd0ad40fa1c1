// Resize and Upsample.
#include "onnx/lowering.h"
#include "reference/resize.h"

namespace gossamer::onnx {
namespace {

template <class E>
Result<E> choice(Lowering& l, std::string_view attribute, std::string_view word) {
  std::span<const std::string_view> names = enum_names(E{});
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == word) return static_cast<E>(i);
  return l.wrong("attribute '" + std::string(attribute) + "': unknown value '" + std::string(word) +
                 "'");
}

template <class E>
Result<E> choice_or(Lowering& l, std::string_view attribute, std::string_view otherwise) {
  ASSIGN(const std::string word, l.string_or(attribute, otherwise));
  return choice<E>(l, attribute, word);
}

Result<ResizeMode> read_mode(Lowering& l) {
  ASSIGN(const std::string mode, l.string_or("mode", "nearest"));
  return choice<ResizeMode>(l, "mode", mode == "bilinear" ? "linear" : mode);
}

// What Upsample and Resize-10 do.
Result<ResizeAttributes> simple_attributes(Lowering& l) {
  ResizeAttributes a;
  ASSIGN(a.mode, read_mode(l));
  a.coordinate = ResizeCoordinate::asymmetric;
  a.nearest = ResizeNearest::floor;
  return a;
}

Result<ResizeAttributes> read_attributes(Lowering& l) {
  ResizeAttributes a;
  ASSIGN(a.mode, read_mode(l));
  ASSIGN(a.coordinate,
         choice_or<ResizeCoordinate>(l, "coordinate_transformation_mode", "half_pixel"));
  ASSIGN(a.nearest, choice_or<ResizeNearest>(l, "nearest_mode", "round_prefer_floor"));
  ASSIGN(a.policy, choice_or<ResizePolicy>(l, "keep_aspect_ratio_policy", "stretch"));
  ASSIGN(a.cubic_a, l.float_or("cubic_coeff_a", -0.75F));
  ASSIGN(const std::int64_t antialias, l.int_or("antialias", 0));
  ASSIGN(const std::int64_t exclude, l.int_or("exclude_outside", 0));
  a.antialias = antialias != 0 && a.mode != ResizeMode::nearest;
  a.exclude_outside = exclude != 0;
  ASSIGN(a.extrapolation, l.float_or("extrapolation_value", 0));
  return a;
}

bool is_empty(Lowering& l, std::size_t i) {
  if (!l.has_input(i)) return true;
  const gossamer::Type& t = l.type(i);
  return t.ranked() && t.rank() == 1 && t.dim(0) == Dim(0);
}

// Leaves out axes that scales of 1 leave alone.
Status drop_whole_axes(Lowering& l, ResizeAttributes& a, ValueId& scales) {
  if (a.coordinate == ResizeCoordinate::tf_crop_and_resize) return {};
  const std::optional<Tensor> known = l.b().known(scales);
  if (!known || known->dtype() != DType::f32 ||
      known->count() != static_cast<std::int64_t>(a.axes.size()))
    return {};
  std::vector<int> axes;
  std::vector<float> kept;
  for (std::size_t i = 0; i < a.axes.size(); ++i) {
    if (known->values<float>()[i] == 1) continue;
    axes.push_back(a.axes[i]);
    kept.push_back(known->values<float>()[i]);
  }
  a.axes = std::move(axes);
  scales = l.b().constant(Tensor::vector(kept));
  return {};
}

// The same for sizes that are known to be the extents there are: leading ones, in order.
Status drop_same_sizes(Lowering& l, ResizeAttributes& a, ValueId& sizes) {
  if (a.coordinate == ResizeCoordinate::tf_crop_and_resize || a.policy != ResizePolicy::stretch)
    return {};
  const std::optional<DimVector> known = l.b().contents(sizes);
  if (!known || known->size() != a.axes.size()) return {};
  std::size_t same = 0;
  while (same < known->size() && (*known)[same] == l.type(0).dim(a.axes[same])) ++same;
  if (same == 0) return {};
  ASSIGN(sizes, l.b().slice(sizes, 0, static_cast<std::int64_t>(same),
                            static_cast<std::int64_t>(known->size())));
  a.axes.erase(a.axes.begin(), a.axes.begin() + static_cast<std::ptrdiff_t>(same));
  return {};
}

Status resize(Lowering& l, ResizeAttributes a, ValueId scales, ValueId sizes, ValueId roi) {
  if (scales != kNoValue) {
    TRY(drop_whole_axes(l, a, scales));
  } else {
    TRY(drop_same_sizes(l, a, sizes));
  }
  if (a.axes.empty()) return l.output(l.input(0));
  std::vector<ValueId> operands{l.input(0), scales, sizes};
  if (a.coordinate == ResizeCoordinate::tf_crop_and_resize) operands.push_back(roi);
  return l.output(l.b().one(kResize, std::move(a), std::move(operands)));
}

Status all_axes(Lowering& l, ResizeAttributes& a) {
  ASSIGN(const int rank, l.rank(0));
  for (int i = 0; i < rank; ++i) a.axes.push_back(i);
  return {};
}

}  // namespace

Status lower_resize(Lowering& l) {
  if (l.version() < 11) {
    if (!l.has_input(1)) return l.wrong("input 'scales' is missing");
    ASSIGN(ResizeAttributes a, simple_attributes(l));
    TRY(all_axes(l, a));
    return resize(l, std::move(a), l.input(1), kNoValue, kNoValue);
  }
  ASSIGN(ResizeAttributes a, read_attributes(l));
  ASSIGN(const auto axes, l.maybe_ints("axes"));
  ASSIGN(const int rank, l.rank(0));
  if (axes) {
    ASSIGN(a.axes, l.axes(*axes, rank));
  } else {
    TRY(all_axes(l, a));
  }
  const ValueId roi = is_empty(l, 1) ? kNoValue : l.input(1);
  if (!is_empty(l, 3)) {
    ASSIGN(const ValueId sizes, l.b().cast(l.input(3), DType::i64));
    return resize(l, std::move(a), kNoValue, sizes, roi);
  }
  if (is_empty(l, 2)) return l.wrong("needs either scales or sizes");
  return resize(l, std::move(a), l.input(2), kNoValue, roi);
}

Status lower_upsample(Lowering& l) {
  ASSIGN(ResizeAttributes a, simple_attributes(l));
  ValueId scales = kNoValue;
  if (l.version() < 7) {
    ASSIGN(const float height, l.float_or("height_scale", 1));
    ASSIGN(const float width, l.float_or("width_scale", 1));
    a.axes = {2, 3};
    scales = l.b().constant(Tensor::vector(std::vector<float>{height, width}));
  } else {
    TRY(all_axes(l, a));
    if (l.version() < 9) {
      ASSIGN(const std::vector<float> list, l.floats_or("scales", {}));
      scales = l.b().constant(Tensor::vector(list));
    } else {
      if (!l.has_input(1)) return l.wrong("input 'scales' is missing");
      scales = l.input(1);
    }
  }
  return resize(l, std::move(a), scales, kNoValue, kNoValue);
}

}  // namespace gossamer::onnx
