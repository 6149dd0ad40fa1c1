// Correlations with one channel a group: a few neighboring outputs at a time, all channels of them.
#include <algorithm>

#include "kernels/conv/correlation.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(DepthwiseTable, depthwise_table)

namespace {

constexpr std::int64_t kPadding = INT64_MIN;  // the offset of a row that lies in padding

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

std::int64_t Correlation::depthwise_tiles(std::int64_t height, std::int64_t width) const {
  const Widths widths = cover(width);
  return height * (widths.wide + widths.narrow);
}

// Addresses that one tile needs at most.
std::int64_t Correlation::depthwise_addresses() const {
  return (kDepthwiseWidths[0] * step_ + kernel_) * (taps_ / kernel_);
}

// All tiles of a box, a few channels at a time, so that what the next row of outputs reads again is
// still in the first level cache.
void Correlation::run_depthwise(const Run& run, const Pixels& from, Range rows) const {
  auto** out = reinterpret_cast<float**>(run.workspace + out_at_);
  auto* stage = reinterpret_cast<float*>(run.workspace + stage_at_);
  auto* tiles = reinterpret_cast<NeighborTile*>(run.workspace + tiles_at_);
  const std::int64_t count = rows.end - rows.begin, stride = panels_ * kPanel;
  if (finish_.staged())
    for (std::int64_t i = 0; i < count; ++i) out[i] = stage + i * filters_;
  else
    finish_.addresses(run.y, rows.begin, count, 0, out);
  auto** addresses = reinterpret_cast<const float**>(run.workspace + addresses_at_);
  NeighborTile* end = tiles;
  for (std::int64_t row = rows.begin; row < rows.end;) {
    const std::int64_t last = std::min(rows.end, row + axes_[2].out - row % axes_[2].out);
    end = depthwise_row(run, from, {row, last}, out + (row - rows.begin), end, addresses);
    row = last;
  }

  DepthwiseTile t;
  t.stride = stride;
  t.bias = run.bias;
  t.low = low_;
  t.high = high_;
  const DepthwiseFunction* functions = depthwise_table_->tile[kernel_ / 2][step_ - 1];
  for (t.begin = 0; t.begin < filters_; t.begin = t.end) {
    t.end = std::min(t.begin + channel_block_, filters_);
    for (const NeighborTile* tile = tiles; tile < end; ++tile) {
      t.in = tile->in;
      t.pixel = tile->pixel;
      t.rows = tile->rows;
      t.out = tile->out;
      t.weights = run.weights + tile->first * kernel_ * stride;
      functions[tile->narrow](t);
    }
  }
  if (finish_.staged())
    finish_.finish(stage, filters_, rows, {0, filters_}, run.y, run.operands,
                   run.workspace + scratch_at_);
}

// The rows of the table that a tile of pixel p reads; those in padding at either end are left out.
Correlation::TapRows Correlation::tap_rows(const Pixels& from, const Pixel& p,
                                           std::int64_t* offsets) const {
  const std::int64_t row_taps = std::ssize(axes_[2].taps), height = std::ssize(axes_[1].taps);
  const auto within = [&](std::size_t axis, std::int64_t tap) {
    const std::int64_t i =
        p.at[axis] * axes_[axis].step + axes_[axis].taps[static_cast<std::size_t>(tap)];
    return i >= 0 && i < axes_[axis].in;
  };
  Pixel row = p;
  row.at[2] = 0;
  const std::int64_t at = offset(from, row);
  TapRows rows;
  std::int64_t padding = 0;
  for (std::int64_t t = 0, r = 0; t < taps_; t += kernel_, ++r) {
    const std::int64_t line = t / row_taps;
    const bool there = from.padded || (within(0, line / height) && within(1, line % height));
    if (!there && rows.end == rows.begin) {
      rows.begin = rows.end = r + 1;
      continue;
    }
    *offsets++ = there ? at + offsets_[static_cast<std::size_t>(t)] : kPadding;
    if (there) {
      rows.end = r + 1;
      rows.solid = padding == 0;
    } else {
      ++padding;
    }
  }
  return rows;
}

// The table of a tile some of whose inputs are padding or serve no output.
void Correlation::depthwise_inputs(const Pixels& from, const TapRows& rows,
                                   const std::int64_t* offsets, std::int64_t x, int outputs,
                                   int width, const float** to) const {
  const int columns = (width - 1) * step_ + kernel_, used = (outputs - 1) * step_ + kernel_;
  // From one input to the next.
  const std::int64_t pixels = kernel_ > 1 ? 1 : axes_[2].step;
  const std::int64_t stride = pixels * (gathers_ ? pixel_ : strides_[2]);
  const std::vector<std::int64_t>& taps = axes_[2].taps;
  for (std::int64_t r = rows.begin; r < rows.end; ++r) {
    const std::int64_t row = *offsets++;
    const auto tap = static_cast<std::size_t>(r * kernel_ % std::ssize(taps));
    const std::int64_t ix = x * axes_[2].step + taps[tap];
    const float* at = from.base + (row == kPadding ? 0 : row + x * from.steps[2]);
    // Inputs [begin, end) lie in x and are needed.
    int begin = 0, end = row == kPadding ? 0 : used;
    if (!from.padded) {
      while (begin < end && ix + begin * pixels < 0) ++begin;
      while (end > begin && ix + (end - 1) * pixels >= axes_[2].in) --end;
    }
    for (int i = 0; i < begin; ++i) to[i] = zeros_.data();
    for (int i = begin; i < end; ++i) to[i] = at + i * stride;
    for (int i = end; i < columns; ++i) to[i] = zeros_.data();
    to += columns;
  }
}

// The tiles of outputs that are neighbors in one row of pixels.
Correlation::NeighborTile* Correlation::depthwise_row(const Run& run, const Pixels& from,
                                                      Range rows, float* const* out,
                                                      NeighborTile* tile,
                                                      const float**& addresses) const {
  auto* offsets = reinterpret_cast<std::int64_t*>(run.workspace + runs_at_);
  float* unused = reinterpret_cast<float*>(run.workspace + stage_at_) +
                  (finish_.staged() ? block_ : 0) * panels_ * kPanel;
  const Pixel first = pixel(rows.begin);
  const TapRows taps = tap_rows(from, first, offsets);
  const Widths widths = cover(rows.end - rows.begin);
  const std::int64_t stride = (kernel_ > 1 ? 1 : axes_[2].step) * (gathers_ ? pixel_ : strides_[2]);
  std::int64_t x = first.at[2];
  const std::int64_t last = x + rows.end - rows.begin;
  for (std::int64_t i = 0; i < widths.wide + widths.narrow; ++i, ++tile) {
    tile->narrow = i >= widths.wide;
    const int width = kDepthwiseWidths[tile->narrow];
    const int outputs = static_cast<int>(std::min<std::int64_t>(width, last - x));
    for (int j = 0; j < width; ++j) tile->out[j] = j < outputs ? *out++ : unused;
    tile->first = taps.begin;
    tile->rows = taps.end - taps.begin;
    tile->in = addresses;
    const bool inside = from.padded || (x >= inside_[2].begin && x + width <= inside_[2].end);
    tile->pixel = inside && outputs == width && taps.solid ? stride : 0;
    if (tile->pixel != 0) {
      for (std::int64_t r = 0; r < tile->rows; ++r)
        *addresses++ = from.base + offsets[r] + x * from.steps[2];
    } else {
      depthwise_inputs(from, taps, offsets, x, outputs, width, addresses);
      addresses += tile->rows * ((width - 1) * step_ + kernel_);
    }
    x += width;
  }
  return tile;
}

}  // namespace gossamer::kernels
