// From rows of an integer product to addresses.
#include "kernels/integer_product/integer_rows.h"

#include <algorithm>
#include <cstring>

namespace gossamer::kernels {
namespace {

std::int64_t number_of(const std::vector<std::int64_t>& list, std::size_t i, std::int64_t other) {
  return list.empty() ? other : list[i];
}

}  // namespace

Result<IntegerRows> IntegerRows::make(const IntegerProductStep& step, const IntegerLayout& layout,
                                      const View& x, const View& y) {
  IntegerRows r;
  const std::size_t space = step.kernel.size();
  const bool conv = space > 0;
  const std::size_t channel_axis = conv ? 1 : static_cast<std::size_t>(x.rank) - 1;
  r.taps_ = layout.taps;
  r.run_ = layout.run;
  r.channels_ = layout.channels;
  r.channel_stride_ = step.channels == 1 ? 1 : x.strides[channel_axis];
  const std::size_t outer = conv ? 1 : static_cast<std::size_t>(x.rank) - 1;
  for (std::size_t a = 0; a < outer; ++a) {
    r.outer_extents_.push_back(y.extents[a]);
    r.outer_strides_.push_back(x.extents[a] == 1 ? 0 : x.strides[a]);
    r.rows_ *= y.extents[a];
  }
  for (std::size_t i = 0; i < space; ++i) {
    Axis& axis = r.axes_[kIntegerSpace - space + i];
    axis.in = x.extents[2 + i];
    axis.out = y.extents[2 + i];
    axis.step = number_of(step.strides, i, 1);
    axis.stride = x.strides[2 + i];
    axis.taps.clear();
    for (std::int64_t k = 0; k < step.kernel[i]; ++k)
      axis.taps.push_back(k * number_of(step.dilations, i, 1) - number_of(step.pads_begin, i, 0));
    r.rows_ *= axis.out;
  }
  for (Axis& axis : r.axes_) {
    axis.begin = std::max<std::int64_t>((-axis.taps.front() + axis.step - 1) / axis.step, 0);
    const std::int64_t room = axis.in - 1 - axis.taps.back();
    axis.end = room < 0 ? 0 : room / axis.step + 1;
    if (-axis.taps.front() <= 0) axis.begin = 0;
    r.no_padding_ = r.no_padding_ && axis.begin == 0 && axis.end >= axis.out;
  }
  for (const std::int64_t a : r.axes_[0].taps)
    for (const std::int64_t b : r.axes_[1].taps)
      for (const std::int64_t c : r.axes_[2].taps) {
        r.tap_places_.push_back({a, b, c});
        r.offsets_.push_back(a * r.axes_[0].stride + b * r.axes_[1].stride + c * r.axes_[2].stride);
      }
  const bool quads =
      layout.channels % kQuad == 0 || layout.depthwise || (step.padded_pixels && step.group == 1);
  r.gathers_ = r.channel_stride_ != 1 || !quads || step.weight_zeros;
  const auto row_taps = static_cast<std::int64_t>(r.axes_[2].taps.size());
  const bool side_by_side = row_taps > 1 && r.axes_[2].taps[1] - r.axes_[2].taps[0] == 1 &&
                            r.axes_[2].stride == layout.run && step.group == 1;
  if (side_by_side && !layout.depthwise) r.merged_ = row_taps;
  if (r.taps_ == 1 && r.no_padding_) {
    r.merge_lines();
    r.flat_ = !r.gathers_ && r.axes_[0].out == 1 && r.axes_[1].out == 1 && r.outer_extents_.empty();
  }
  return r;
}

// With one tap and no padding, axes that lie evenly are one.
void IntegerRows::merge_lines() {
  Axis& inner = axes_[2];
  const auto merge = [&](std::int64_t extent, std::int64_t stride) {
    if (extent > 1 && inner.out > 1 && stride != inner.out * inner.step * inner.stride)
      return false;
    if (inner.out == 1) inner = {1, 1, 1, stride, {0}, 0, 1};
    inner.out *= extent;
    inner.end = inner.in = inner.out * inner.step;
    return true;
  };
  if (axes_[0].taps[0] != 0 || axes_[1].taps[0] != 0 || inner.taps[0] != 0) return;
  for (std::size_t a = kIntegerSpace - 1; a-- > 0;) {
    if (!merge(axes_[a].out, axes_[a].step * axes_[a].stride)) return;
    axes_[a] = Axis();
  }
  while (!outer_extents_.empty() && merge(outer_extents_.back(), outer_strides_.back())) {
    outer_extents_.pop_back();
    outer_strides_.pop_back();
  }
}

std::int64_t IntegerRows::even(const Pixel& p, std::int64_t most) const {
  for (std::size_t a = 0; a + 1 < kIntegerSpace; ++a)
    if (p.place[a] < axes_[a].begin || p.place[a] >= axes_[a].end) return 0;
  const Axis& inner = axes_[2];
  if (p.place[2] < inner.begin) return 0;
  return std::clamp<std::int64_t>(std::min(inner.end, inner.out) - p.place[2], 0, most);
}

void IntegerRows::strip(const std::uint8_t* x, const Pixel& p, std::int64_t count,
                        const std::uint8_t** out, IntegerStrip& to) const {
  const Axis &lines = axes_[1], &columns = axes_[2];
  const std::uint8_t* base = x + (p.at - p.place[2] * columns.step * columns.stride);
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t taps = std::ssize(lines.taps), last = std::min(k, taps - 1);
    const std::int64_t tap = lines.taps[static_cast<std::size_t>(last)] + (k - last);
    const std::int64_t i = p.place[1] * lines.step + tap;
    out[k] = i < 0 || i >= lines.in ? nullptr : base + tap * lines.stride;
  }
  to.pixel = columns.stride;
  to.width = columns.in;
  to.first = p.place[2] * columns.step + columns.taps[0];
  to.step = columns.step;
}

IntegerRows::Pixel IntegerRows::pixel(std::int64_t row) const {
  Pixel p;
  for (std::size_t a = kIntegerSpace; a-- > 0;) {
    p.place[a] = row % axes_[a].out;
    row /= axes_[a].out;
    p.at += p.place[a] * axes_[a].step * axes_[a].stride;
  }
  for (std::size_t a = outer_extents_.size(); a-- > 0;) {
    p.at += row % outer_extents_[a] * outer_strides_[a];
    row /= outer_extents_[a];
  }
  return p;
}

void IntegerRows::advance(Pixel& p, std::int64_t row, std::int64_t by) const {
  p.place[2] += by;
  if (p.place[2] < axes_[2].out)
    p.at += by * axes_[2].step * axes_[2].stride;
  else
    p = pixel(row);
}

bool IntegerRows::inside(const Pixel& p) const {
  if (no_padding_) return true;
  for (std::size_t a = 0; a < kIntegerSpace; ++a)
    if (p.place[a] < axes_[a].begin || p.place[a] >= axes_[a].end) return false;
  return true;
}

bool IntegerRows::tap_inside(const Pixel& p, std::int64_t tap) const {
  const auto& place = tap_places_[static_cast<std::size_t>(tap)];
  for (std::size_t a = 0; a < kIntegerSpace; ++a) {
    const std::int64_t i = p.place[a] * axes_[a].step + place[a];
    if (i < 0 || i >= axes_[a].in) return false;
  }
  return true;
}

void IntegerRows::addresses(const std::uint8_t* x, const Pixel& p, const std::uint8_t* padding,
                            std::int64_t stride, const std::uint8_t** out) const {
  const bool all = inside(p);
  for (std::int64_t t = 0; t < taps_; ++t)
    out[t * stride] =
        all || tap_inside(p, t) ? x + (p.at + offsets_[static_cast<std::size_t>(t)]) : padding;
}

void IntegerRows::gather(const std::uint8_t* x, const Pixel& p, std::int64_t group,
                         std::uint8_t padding, std::uint8_t* to) const {
  const std::int64_t base = p.at + group * channels_ * channel_stride_;
  const bool all = inside(p);
  for (std::int64_t t = 0; t < taps_; ++t, to += run_) {
    if (!all && !tap_inside(p, t)) {
      std::memset(to, padding, static_cast<std::size_t>(run_));
      continue;
    }
    const std::uint8_t* from = x + (base + offsets_[static_cast<std::size_t>(t)]);
    if (channel_stride_ == 1)
      std::memcpy(to, from, static_cast<std::size_t>(channels_));
    else
      for (std::int64_t c = 0; c < channels_; ++c) to[c] = from[c * channel_stride_];
    std::memset(to + channels_, padding, static_cast<std::size_t>(run_ - channels_));
  }
}

void IntegerRows::gather_taps(const std::uint8_t* x, const Pixel& p, std::int64_t channels,
                              std::uint8_t padding, std::int64_t stride, std::uint8_t* to) const {
  for (std::int64_t t = 0; t < taps_; ++t, to += stride) {
    if (!tap_inside(p, t)) {
      std::memset(to, padding, static_cast<std::size_t>(channels));
      continue;
    }
    const std::uint8_t* from = x + (p.at + offsets_[static_cast<std::size_t>(t)]);
    for (std::int64_t c = 0; c < channels; ++c) to[c] = from[c * channel_stride_];
  }
}

}  // namespace gossamer::kernels
