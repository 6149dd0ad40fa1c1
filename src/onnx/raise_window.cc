// Convolutions, pools and folds.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "onnx/raise.h"
#include "primitives/window_dims.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/fold.h"
#include "reference/pool.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;

bool all_equal(const std::vector<std::int64_t>& v, std::int64_t n) {
  return std::all_of(v.begin(), v.end(), [&](std::int64_t x) { return x == n; });
}

// strides, dilations, pads, auto_pad as far as they are not the defaults.
void add_window(Raising::Attributes& out, const std::vector<std::int64_t>& strides,
                const std::vector<std::int64_t>& dilations, const std::vector<std::int64_t>& pads,
                AutoPad auto_pad) {
  if (!all_equal(strides, 1)) out.push_back(attribute("strides", strides));
  if (!all_equal(dilations, 1)) out.push_back(attribute("dilations", dilations));
  if (auto_pad != AutoPad::none) {
    out.push_back(
        attribute("auto_pad", auto_pad == AutoPad::same_upper ? "SAME_UPPER" : "SAME_LOWER"));
  } else if (!all_equal(pads, 0)) {
    out.push_back(attribute("pads", pads));
  }
}

// Turns auto_pad into pads where a window skips more than it sees: some readers ask for a negative
// padding then. What cannot be told for want of an extent stays.
void spell_pads(std::vector<std::int64_t>& pads, AutoPad& auto_pad, const WindowOptions& windows,
                std::span<const Dim> input, std::span<const Dim> kernel) {
  const auto extents = constants_of(input), sizes = constants_of(kernel);
  if (auto_pad == AutoPad::none || !sizes) return;
  const bool points = all_equal(*sizes, 1);  // those are never padded
  bool skips = false;
  for (std::size_t i = 0; i < windows.strides.size(); ++i) {
    const std::int64_t dilation = windows.dilations.empty() ? 1 : windows.dilations[i];
    skips = skips || windows.strides[i] > ((*sizes)[i] - 1) * dilation + 1;
  }
  if (!skips || (!extents && !points)) return;
  const auto axes = resolve_windows(
      windows, extents ? *extents : std::vector<std::int64_t>(sizes->size(), 1), *sizes);
  if (!axes.ok()) return;
  auto_pad = AutoPad::none;
  pads.clear();
  for (const WindowAxis& axis : *axes) pads.push_back(axis.before);
  for (const WindowAxis& axis : *axes) pads.push_back(axis.after);
}

// x cut along its axes from 2 on where pads are negative, which readers of the standard refuse;
// what is left of the pads.
Name cut(Raising& r, const Name& x, std::vector<std::int64_t>& pads) {
  const std::size_t count = pads.size() / 2;
  std::vector<std::int64_t> starts, ends, axes;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t &before = pads[i], &after = pads[count + i];
    if (before >= 0 && after >= 0) continue;
    axes.push_back(static_cast<std::int64_t>(i) + 2);
    starts.push_back(std::max<std::int64_t>(-before, 0));
    ends.push_back(after < 0 ? after : std::numeric_limits<std::int64_t>::max());
    before = std::max<std::int64_t>(before, 0);
    after = std::max<std::int64_t>(after, 0);
  }
  return axes.empty() ? x : r.emit("Slice", {x, r.ints(starts), r.ints(ends), r.ints(axes)});
}

}  // namespace

Status raise_conv(Raising& r) {
  const auto& a = r.attributes<ConvAttributes>();
  Raising::Attributes attributes;
  std::vector<std::int64_t> pads = a.pads;
  AutoPad auto_pad = a.auto_pad;
  if (r.type(0).ranked() && r.type(1).ranked())
    spell_pads(pads, auto_pad, a.windows(), std::span(*r.type(0).shape).subspan(2),
               std::span(*r.type(1).shape).subspan(2));
  const Name input = cut(r, r.operand(0), pads);
  add_window(attributes, a.strides, a.dilations, pads, auto_pad);
  if (a.group != 1) attributes.push_back(attribute("group", a.group));
  const DType result = r.result_type(0).dtype;
  if (is_integer(r.dtype(0))) {
    if (dtype_info(r.dtype(0)).file_bits != 8 || dtype_info(r.dtype(1)).file_bits != 8)
      return r.refuse("a convolution of wide integers has no spelling");
    r.result(0, r.emit("ConvInteger", {input, r.operand(1), r.operand(2), r.operand(3)},
                       std::move(attributes)));
    return {};
  }
  const Name x = r.cast(input, r.dtype(0), result);
  const Name w = r.cast(r.operand(1), r.dtype(1), result);
  r.result(0, r.emit("Conv", {x, w, r.bias()}, std::move(attributes)));
  return {};
}

Status raise_conv_transpose(Raising& r) {
  const auto& a = r.attributes<ConvTransposeAttributes>();
  Raising::Attributes attributes;
  // With an output_shape the odd padding goes first unless SAME_UPPER says otherwise.
  const bool implied = !a.extents.empty() && a.auto_pad == AutoPad::same_lower;
  add_window(attributes, a.strides, a.dilations, a.pads, implied ? AutoPad::none : a.auto_pad);
  if (!a.extents.empty()) attributes.push_back(attribute("output_shape", a.extents));
  if (!all_equal(a.output_padding, 0))
    attributes.push_back(attribute("output_padding", a.output_padding));
  if (a.group != 1) attributes.push_back(attribute("group", a.group));
  const DType result = r.result_type(0).dtype;
  const Name x = r.cast(r.operand(0), r.dtype(0), result);
  const Name w = r.cast(r.operand(1), r.dtype(1), result);
  r.result(0, r.emit("ConvTranspose", {x, w, r.bias()}, std::move(attributes)));
  return {};
}

// --- pools ---

namespace {

// x with the pooled axes last and two before them, as the standard's pools want it.
struct PoolLayout {
  std::vector<int> order;  // of x's axes, the pooled ones last
  bool plain = false;      // x is so already
  std::size_t others = 0;
};

PoolLayout layout_of(const PoolAttributes& a, int rank) {
  PoolLayout out;
  for (int d = 0; d < rank; ++d)
    if (std::find(a.axes.begin(), a.axes.end(), d) == a.axes.end()) out.order.push_back(d);
  out.others = out.order.size();
  out.order.insert(out.order.end(), a.axes.begin(), a.axes.end());
  out.plain = out.others == 2 && std::is_sorted(out.order.begin(), out.order.end());
  return out;
}

Name planes_of(Raising& r, const PoolLayout& layout) {
  Name x = r.transpose(r.operand(0), layout.order);
  if (layout.others == 2) return x;
  Raising::Names shape = {r.ints({1}), r.ints({-1})};
  for (std::size_t i = layout.others; i < layout.order.size(); ++i)
    shape.push_back(r.extent(r.operand(0), r.type(0), layout.order[i]));
  return r.emit("Reshape", {x, r.join(shape)});
}

Name back_from_planes(Raising& r, const PoolLayout& layout, Name y) {
  if (layout.others != 2) {
    Raising::Names shape;
    for (std::size_t i = 0; i < layout.others; ++i)
      shape.push_back(r.extent(r.operand(0), r.type(0), layout.order[i]));
    shape.push_back(r.emit("Shape", {y}, {attribute("start", std::int64_t{2})}));
    r.needs(15);
    y = r.emit("Reshape", {y, r.join(shape)});
  }
  std::vector<int> inverse(layout.order.size());
  for (std::size_t i = 0; i < inverse.size(); ++i)
    inverse[static_cast<std::size_t>(layout.order[i])] = static_cast<int>(i);
  return r.transpose(y, inverse);
}

// Whether a last window overhangs, as far as extents are known: readers count windows that would
// start beyond the input differently, but only when they are asked for those that overhang.
bool overhangs(const PoolAttributes& a, std::span<const Dim> input) {
  const auto extents = constants_of(input);
  if (!a.ceil || !extents) return a.ceil;
  WindowOptions windows = a.windows();
  const auto with = resolve_windows(windows, *extents, a.kernel);
  windows.ceil = false;
  const auto without = resolve_windows(windows, *extents, a.kernel);
  if (!with.ok() || !without.ok()) return true;
  return !std::equal(with->begin(), with->end(), without->begin(), without->end(),
                     [](const auto& x, const auto& y) { return x.output == y.output; });
}

Status check_pool(Raising& r, const PoolAttributes& a, const PoolLayout& layout) {
  if (a.op == PoolOp::lp && (a.p < 1 || std::floor(a.p) != a.p))
    return r.refuse("a pool by a broken norm has no spelling");
  if (a.op == PoolOp::sum && a.ceil)
    return r.refuse("a sum over windows that overhang has no spelling");
  if (r.has_result(1) && !layout.plain)
    return r.refuse("positions of maxima along other than the last axes have no spelling");
  if (r.has_result(1) && std::any_of(a.pads.begin(), a.pads.end(), [](auto p) { return p < 0; }))
    return r.refuse("positions of maxima in a part of the input have no spelling");
  const bool dilated = !all_equal(a.dilations, 1);
  if ((a.op == PoolOp::mean || a.op == PoolOp::sum) && dilated) r.needs(19);
  if (a.op == PoolOp::lp && (dilated || a.ceil)) r.needs(18);
  return {};
}

}  // namespace

Status raise_pool(Raising& r) {
  const auto& a = r.attributes<PoolAttributes>();
  ASSIGN(const int rank, r.rank(0));
  const PoolLayout layout = layout_of(a, rank);
  TRY(check_pool(r, a, layout));
  std::vector<std::int64_t> pads = a.pads;
  AutoPad auto_pad = a.auto_pad;
  DimVector input;
  for (const int axis : a.axes) input.push_back(r.type(0).dim(axis));
  spell_pads(pads, auto_pad, a.windows(), input, DimVector(a.kernel.begin(), a.kernel.end()));
  const Name x = cut(r, planes_of(r, layout), pads);
  Raising::Attributes attributes = {attribute("kernel_shape", a.kernel)};
  add_window(attributes, a.strides, a.dilations, pads, auto_pad);
  if (overhangs(a, input)) attributes.push_back(attribute("ceil_mode", std::int64_t{1}));
  if (a.op == PoolOp::max) {
    if (a.column_major) attributes.push_back(attribute("storage_order", std::int64_t{1}));
    const Raising::Names out =
        r.emit_many("MaxPool", {x}, r.has_result(1) ? 2 : 1, std::move(attributes));
    r.result(0, back_from_planes(r, layout, out[0]));
    if (r.has_result(1)) r.result(1, out[1]);
    return {};
  }
  if (a.op == PoolOp::lp) {
    attributes.push_back(attribute("p", static_cast<std::int64_t>(a.p)));
    r.result(0, back_from_planes(r, layout, r.emit("LpPool", {x}, std::move(attributes))));
    return {};
  }
  if (a.count_pad || a.op == PoolOp::sum)
    attributes.push_back(attribute("count_include_pad", std::int64_t{1}));
  Name y = r.emit("AveragePool", {x}, std::move(attributes));
  if (a.op == PoolOp::sum) {
    double taps = 1;
    for (const std::int64_t k : a.kernel) taps *= static_cast<double>(k);
    y = r.emit("Mul", {y, r.number(r.dtype(0), taps)});
  }
  r.result(0, back_from_planes(r, layout, y));
  return {};
}

// --- folds ---

Status raise_fold(Raising& r) {
  const auto& a = r.attributes<FoldAttributes>();
  ASSIGN(const int rank, r.rank(0));
  r.needs(18);
  const Name extents = r.has(1) ? r.operand(1) : r.ints(a.extents);
  const gossamer::Type& type = r.type(0);
  // All leading axes count as channels.
  Name x = r.operand(0);
  Raising::Names lead;
  if (rank != 3) {
    for (int d = 0; d < rank - 2; ++d) lead.push_back(r.extent(x, type, d));
    std::int64_t taps = 1;
    for (const std::int64_t k : a.kernel) taps *= k;
    Name channels = r.ints({taps});
    for (const Name& n : lead) channels = r.emit("Mul", {channels, n});
    x = r.emit("Reshape", {x, r.join({r.ints({1}), channels, r.extent(x, type, rank - 1)})});
  }
  Raising::Attributes attributes;
  add_window(attributes, a.strides, a.dilations, a.pads, AutoPad::none);
  Name y = r.emit("Col2Im", {x, extents, r.ints(a.kernel)}, std::move(attributes));
  if (rank != 3) {
    lead.push_back(extents);
    y = r.emit("Reshape", {y, r.join(lead)});
  } else {
    y = r.squeeze(y, {1});
  }
  r.result(0, y);
  return {};
}

}  // namespace gossamer::onnx
