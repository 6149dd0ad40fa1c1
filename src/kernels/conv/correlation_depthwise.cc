// Correlations with one channel a group: a few neighboring outputs at a time, all channels of them.
#include <algorithm>

#include "kernels/conv/correlation.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(DepthwiseTable, depthwise_table)

namespace {

// How many tiles of each width cover a row of outputs with the least work.
struct Widths {
  std::int64_t wide = 0, narrow = 0;
};
Widths cover(std::int64_t outputs) {
  constexpr std::int64_t kWide = kDepthwiseWidths[0], kNarrow = kDepthwiseWidths[1];
  Widths best;
  std::int64_t least = -1;
  for (std::int64_t wide = (outputs + kWide - 1) / kWide, i = 0; wide >= 0 && i < 4; --wide, ++i) {
    const std::int64_t left = std::max<std::int64_t>(outputs - wide * kWide, 0);
    const std::int64_t narrow = (left + kNarrow - 1) / kNarrow;
    const std::int64_t work = 2 * (wide * kWide + narrow * kNarrow) + wide + narrow;
    if (least < 0 || work < least) {
      least = work;
      best = {wide, narrow};
    }
  }
  return best;
}

}  // namespace

// Taps along a row that stand side by side share what they read.
void Correlation::choose_depthwise(Level level) {
  depthwise_table_ = &depthwise_table(level);
  const std::vector<std::int64_t>& taps = axes_[2].taps;
  const auto count = static_cast<std::int64_t>(taps.size());
  const bool shares = (count == 3 || count == 5 || count == 7) &&
                      taps.back() - taps.front() == count - 1 && axes_[2].step <= 2;
  kernel_ = shares ? static_cast<int>(count) : 1;
  step_ = shares ? static_cast<int>(axes_[2].step) : 1;
}

void Correlation::run_depthwise(const Run& run, const Pixels& from, Range rows) const {
  auto** out = reinterpret_cast<float**>(run.workspace + out_at_);
  auto* stage = reinterpret_cast<float*>(run.workspace + stage_at_);
  const std::int64_t count = rows.end - rows.begin, stride = panels_ * kPanel;
  if (finish_.staged())
    for (std::int64_t i = 0; i < count; ++i) out[i] = stage + i * stride;
  else
    finish_.addresses(run.y, rows.begin, count, 0, out);
  for (std::int64_t row = rows.begin; row < rows.end;) {
    const std::int64_t end = std::min(rows.end, row + axes_[2].out - row % axes_[2].out);
    depthwise_row(run, from, {row, end}, out + (row - rows.begin));
    row = end;
  }
  if (finish_.staged())
    finish_.finish(stage, stride, rows, {0, filters_}, run.y, run.operands,
                   run.workspace + scratch_at_);
}

// Addresses of what `outputs` outputs from p on read, laid out for a tile of `width`, one row after
// the other. A row holds taps along x that share inputs, or one tap. Returns which rows these are:
// those in padding at either end are left out.
Range Correlation::depthwise_inputs(const Pixels& from, const Pixel& p, int outputs, int width,
                                    const float** to) const {
  const std::int64_t columns = (width - 1) * step_ + kernel_;
  const std::int64_t used = (outputs - 1) * step_ + kernel_;
  // From one input to the next, in elements and in pixels.
  const std::int64_t pixels = kernel_ > 1 ? 1 : axes_[2].step;
  const std::int64_t stride = pixels * (gathers_ ? pixel_ : strides_[2]);
  const std::int64_t at = offset(from, p), row_taps = std::ssize(axes_[2].taps);
  Range range;
  for (std::int64_t t = 0; t < taps_; t += kernel_) {
    const std::int64_t line = t / row_taps, height = std::ssize(axes_[1].taps);
    const auto tap = [&](std::size_t axis, std::int64_t i) {
      return p.at[axis] * axes_[axis].step + axes_[axis].taps[static_cast<std::size_t>(i)];
    };
    const std::int64_t iz = tap(0, line / height), iy = tap(1, line % height);
    const std::int64_t ix = tap(2, t % row_taps);
    const bool row = from.padded || (iz >= 0 && iz < axes_[0].in && iy >= 0 && iy < axes_[1].in);
    if (!row && range.begin == range.end) {
      range.begin = range.end = t / kernel_ + 1;
      continue;
    }
    const float* base = from.base;
    const std::int64_t first = at + offsets_[static_cast<std::size_t>(t)];
    for (std::int64_t i = 0; i < columns; ++i) {
      const std::int64_t x = ix + i * pixels;
      const bool there = row && i < used && (from.padded || (x >= 0 && x < axes_[2].in));
      *to++ = there ? base + (first + i * stride) : zeros_.data();
    }
    range.end = row ? t / kernel_ + 1 : range.end;
  }
  return range;
}

// Outputs that are neighbors in one row of pixels.
void Correlation::depthwise_row(const Run& run, const Pixels& from, Range rows,
                                float* const* out) const {
  auto** addresses = reinterpret_cast<const float**>(run.workspace + addresses_at_);
  float* unused = reinterpret_cast<float*>(run.workspace + stage_at_) +
                  (finish_.staged() ? block_ : 0) * panels_ * kPanel;
  const Pixel first = pixel(rows.begin);
  DepthwiseTile t;
  t.stride = panels_ * kPanel;
  t.end = filters_;
  t.bias = run.bias;
  t.low = low_;
  t.high = high_;
  t.in = addresses;
  const Widths widths = cover(rows.end - rows.begin);
  std::int64_t x = first.at[2];
  const std::int64_t last = x + rows.end - rows.begin;
  for (std::int64_t i = 0; i < widths.wide + widths.narrow; ++i) {
    const int narrow = i >= widths.wide;
    const int width = kDepthwiseWidths[narrow];
    float* outputs[kDepthwiseWidths[0]];
    for (int j = 0; j < width; ++j) outputs[j] = x + j < last ? *out++ : unused;
    t.out = outputs;
    Pixel p = first;
    p.at[2] = x;
    const auto outputs_here = static_cast<int>(std::min<std::int64_t>(width, last - x));
    const Range taps = depthwise_inputs(from, p, outputs_here, width, addresses);
    t.rows = taps.end - taps.begin;
    t.weights = run.weights + taps.begin * kernel_ * t.stride;
    depthwise_table_->tile[kernel_ / 2][step_ - 1][narrow](t);
    x += width;
  }
}

}  // namespace gossamer::kernels
