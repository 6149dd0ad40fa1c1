// Correlations: where x is read from, how the work is cut into blocks, and the products of a block.
#include "kernels/conv/correlation.h"

#include <algorithm>
#include <limits>

#include "kernels/gemm/bf16.h"

namespace gossamer::kernels {
namespace {

constexpr std::int64_t kBlockFloats = 128 << 10;  // of x under a block
constexpr std::int64_t kStageFloats = 32 << 10;   // of results that wait for their epilogue
constexpr std::int64_t kDepthwiseStageFloats = 32 << 10;
constexpr std::int64_t kDepthwiseFloats = 8 << 10;  // of x that outputs of one row read
constexpr std::int64_t kStagePanels = 16;           // that the stage is wide at most
constexpr std::int64_t kSlabFloats = 48 << 10;      // of x gathered at a time
constexpr std::int64_t kBlockAddresses = 16 << 10;  // of runs of a block
constexpr std::int64_t kMaxBlock = 256;             // rows
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kFewChannels = 8;  // not worth runs of their own

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t span_of(const CorrelationAxis& axis) {
  return axis.taps.empty() ? 0 : axis.taps.back() - axis.taps.front() + 1;
}

bool consecutive(const std::vector<std::int64_t>& taps) {
  return !taps.empty() && taps.back() - taps.front() + 1 == static_cast<std::int64_t>(taps.size());
}

// The outputs of an axis all of whose taps lie in x.
Range inside_of(const CorrelationAxis& axis) {
  if (axis.taps.empty()) return {0, axis.out};
  const std::int64_t before = -axis.taps.front(), room = axis.in - 1 - axis.taps.back();
  const std::int64_t begin = before > 0 ? ceil_div(before, axis.step) : 0;
  const std::int64_t end = room >= 0 ? std::min(room / axis.step + 1, axis.out) : 0;
  return {begin, std::max(begin, end)};
}

}  // namespace

std::int64_t correlation_weights(std::int64_t group, std::int64_t channels, std::int64_t filters,
                                 std::int64_t taps) {
  if (is_depthwise(group, channels)) return taps * panels_of(filters) * kPanel;
  const std::int64_t groups = std::max<std::int64_t>(group, 1);
  return groups * panels_of(filters / groups) * kPanel * taps * (channels / groups);
}

Result<Correlation> Correlation::make(const CorrelationSpec& spec) {
  Correlation c;
  ASSIGN(c.finish_, Finish::make(*spec.epilogue, spec.level, spec.y, 1, spec.operands));
  c.table_ = spec.pairs ? &pair_table(spec.level) : &gemm_table(spec.level);
  c.axes_ = spec.axes;
  c.low_ = spec.low;
  c.high_ = spec.high;
  const bool bounded = spec.low != -kInfinity || spec.high != kInfinity;
  if (bounded || is_depthwise(spec.group, spec.x.extents[1])) c.finish_.stage_sum();
  if (const auto& sum = c.finish_.sum()) {
    c.low_ = sum->low;
    c.high_ = sum->high;
  }
  c.group_ = spec.group;
  c.batch_ = spec.y.extents[0];
  c.channels_ = spec.x.extents[1];
  c.filters_ = spec.y.extents[1];
  if (!spec.places.empty()) {
    c.filters_ *= std::ssize(spec.places);
    c.finish_.place_side_by_side(spec.places);
  }
  c.rows_ = c.batch_;
  c.taps_ = 1;
  for (std::size_t a = 0; a < kSpace; ++a) {
    c.rows_ *= c.axes_[a].out;
    c.taps_ *= static_cast<std::int64_t>(c.axes_[a].taps.size());
    c.inside_[a] = inside_of(c.axes_[a]);
  }
  c.depthwise_ = is_depthwise(c.group_, c.channels_);
  c.steps_ = c.channels_ / c.group_;
  c.choose_source(spec);
  c.choose_blocks(spec);
  c.lay_out_workspace();
  return c;
}

// Whether x is read where it lies, and which taps make one run.
void Correlation::choose_source(const CorrelationSpec& spec) {
  const auto rank = static_cast<std::size_t>(spec.x.rank);
  const auto stride = [&](std::size_t axis) {
    return spec.x.extents[axis] == 1 ? 0 : spec.x.strides[axis];
  };
  batch_stride_ = stride(0);
  channel_stride_ = channels_ == 1 ? 1 : spec.x.strides[1];
  for (std::size_t a = 2; a < rank; ++a) strides_[kSpace - rank + a] = stride(a);

  const bool neighbors = group_ == 1 && axes_[2].taps.size() > 1 && consecutive(axes_[2].taps);
  const bool merges = neighbors && channel_stride_ == 1 && strides_[2] == channels_;
  const bool replicates = depthwise_ && filters_ != channels_;
  gathers_ = taps_ > 0 && (channel_stride_ != 1 || replicates ||
                           (neighbors && !merges && channels_ <= kFewChannels));
  pixel_ = depthwise_ ? filters_ : channels_;
  if ((gathers_ && neighbors) || merges) merged_ = static_cast<std::int64_t>(axes_[2].taps.size());
  zeros_.assign(static_cast<std::size_t>(pixel_), 0.0f);
}

void Correlation::choose_blocks(const CorrelationSpec& spec) {
  const std::int64_t group_filters = depthwise_ ? filters_ : filters_ / group_;
  panels_ = panels_of(group_filters);
  tiling_ = choose_tiling(*table_, rows_, gathers_ ? 0 : strides_[2] * axes_[2].step, panels_);
  flops_ = 2.0 * static_cast<double>(rows_ * filters_) * static_cast<double>(taps_) *
           static_cast<double>(steps_);
  const double weight_bytes =
      4.0 * static_cast<double>(correlation_weights(group_, channels_, filters_, taps_));
  const double x_bytes = 4.0 * static_cast<double>(spec.x.count());
  bytes_ = x_bytes + weight_bytes + 4.0 * static_cast<double>(rows_ * filters_);
  const double time = product_time(spec.level, depthwise_ ? 2 * flops_ : flops_, bytes_);
  const int wanted = worthwhile_parts(time, spec.threads);

  stage_panels_ = depthwise_ ? panels_ : std::min(panels_, kStagePanels);
  block_ = std::clamp<std::int64_t>(kBlockFloats / std::max<std::int64_t>(channels_, 1),
                                    4 * tiling_.height, kMaxBlock);
  const std::int64_t runs = std::max<std::int64_t>(gathers_ ? taps_ / merged_ : taps_, 1);
  block_ = std::min(block_, std::max<std::int64_t>(kBlockAddresses / runs, tiling_.height));
  if (finish_.staged())
    block_ = std::min(block_, kStageFloats / (std::max<std::int64_t>(stage_panels_, 1) * kPanel));
  block_ = std::max<std::int64_t>(std::min(block_, rows_), 1);
  const std::int64_t columns = depthwise_ ? 1 : group_ * panels_;
  std::int64_t pieces = ceil_div(rows_, tiling_.height);
  if (depthwise_) choose_depthwise(spec.level);
  if (gathers_ || depthwise_) {
    choose_boxes(wanted);
    pieces = batch_ * axes_[0].out * boxes_[0] * boxes_[1];
  }
  by_rows_ = depthwise_ || columns < wanted ||
             (pieces >= 2 * wanted && (weight_bytes < 1e6 || x_bytes >= weight_bytes));
  parts_ = static_cast<int>(
      std::clamp<std::int64_t>(by_rows_ ? pieces : columns, 1, std::max(wanted, 1)));

  offsets_.clear();
  at_.clear();
  for (const std::int64_t z : axes_[0].taps)
    for (const std::int64_t y : axes_[1].taps)
      for (const std::int64_t x : axes_[2].taps) {
        at_.push_back(static_cast<std::int64_t>(at_.size()) * steps_);
        if (gathers_) {
          const std::int64_t plane = (z - axes_[0].taps.front()) * slab_[1];
          offsets_.push_back(
              ((plane + y - axes_[1].taps.front()) * slab_[2] + x - axes_[2].taps.front()) *
              pixel_);
        } else {
          offsets_.push_back(z * strides_[0] + y * strides_[1] + x * strides_[2]);
        }
      }
  for (std::int64_t t = 0; t < taps_; t += merged_) merged_at_.push_back(t * steps_);
}

std::int64_t Correlation::slab_floats(std::int64_t height, std::int64_t width) const {
  return span_of(axes_[0]) * ((height - 1) * axes_[1].step + span_of(axes_[1])) *
         ((width - 1) * axes_[2].step + span_of(axes_[2])) * pixel_;
}

// Boxes of whole rows of a plane, or of parts of one row where that is too long.
void Correlation::choose_boxes(int wanted) {
  const std::int64_t height = axes_[1].out, width = axes_[2].out;
  const std::int64_t stage = depthwise_ ? kDepthwiseStageFloats : kStageFloats;
  const auto fits = [&](std::int64_t h, std::int64_t w) {
    if (gathers_ && slab_floats(h, w) > kSlabFloats) return false;
    if (finish_.staged() && h * w * stage_panels_ * kPanel > stage) return false;
    if (depthwise_) return depthwise_tiles(h, w) * depthwise_addresses() <= kBlockAddresses / 2;
    return h * w <= block_;
  };
  std::int64_t h = 1, w = std::max<std::int64_t>(width, 1);
  while (w > 8 && !fits(1, w)) w = (w + 1) / 2;
  if (w == width) {
    while (h < height && fits(h + 1, w)) ++h;
    while (h > 1 && batch_ * axes_[0].out * ceil_div(height, h) < 2 * wanted) h = (h + 1) / 2;
  }
  if (h == 1)
    while (w > 32 && batch_ * axes_[0].out * height * ceil_div(width, w) < 2 * wanted)
      w = (w + 1) / 2;
  box_ = {h, w};
  boxes_ = {ceil_div(height, h), ceil_div(width, w)};
  block_ = h * w;
  slab_ = {span_of(axes_[0]), (h - 1) * axes_[1].step + span_of(axes_[1]),
           (w - 1) * axes_[2].step + span_of(axes_[2])};
  const std::int64_t lines =
      std::max<std::int64_t>((axes_[1].step + std::ssize(axes_[1].taps)) * slab_[2], 1);
  channel_block_ = std::max<std::int64_t>(kDepthwiseFloats / lines / kPanel, 2) * kPanel;
}

void Correlation::lay_out_workspace() {
  WorkspaceLayout layout;
  const auto pointer = static_cast<std::int64_t>(sizeof(void*));
  if (gathers_) slab_at_ = layout.add(4 * slab_[0] * slab_[1] * slab_[2] * pixel_);
  if (depthwise_) {
    // A box at the edge may have more tiles than a wider one: narrow instead of wide ones.
    const std::int64_t tiles =
        box_[0] * ceil_div(box_[1], std::min(kDepthwiseWidths[0], kDepthwiseWidths[1]));
    addresses_at_ = layout.add(pointer * tiles * depthwise_addresses());
    tiles_at_ = layout.add(static_cast<std::int64_t>(sizeof(NeighborTile)) * tiles);
    runs_at_ = layout.add(8 * std::max<std::int64_t>(taps_ / kernel_, 1));
    // The last row takes what tiles compute beyond the end of a row of pixels.
    stage_at_ = layout.add(4 * ((finish_.staged() ? block_ : 0) + 1) * panels_ * kPanel);
  } else {
    const std::int64_t runs = gathers_ ? taps_ / merged_ : taps_;
    addresses_at_ = layout.add(pointer * block_ * runs);
    if (!gathers_) runs_at_ = layout.add(8 * block_ * runs);
    tiles_at_ = layout.add(static_cast<std::int64_t>(sizeof(TileRows)) * block_);
    if (finish_.staged()) stage_at_ = layout.add(4 * block_ * stage_panels_ * kPanel);
  }
  out_at_ = layout.add(pointer * block_);
  if (finish_.staged()) scratch_at_ = layout.add(finish_.scratch(block_ * stage_panels_ * kPanel));
  workspace_ = layout.size();
}

Range Correlation::box(std::int64_t index) const {
  const std::int64_t bx = index % boxes_[1], by = index / boxes_[1] % boxes_[0];
  const std::int64_t plane = index / boxes_[1] / boxes_[0];
  const std::int64_t height = axes_[1].out, width = axes_[2].out;
  const std::int64_t y = by * box_[0], x = bx * box_[1];
  const std::int64_t rows = std::min(box_[0], height - y), columns = std::min(box_[1], width - x);
  const std::int64_t first = (plane * height + y) * width + x;
  return {first, first + (rows - 1) * width + columns};
}

void Correlation::run(const Run& run, int part, int parts_now) const {
  if (rows_ == 0 || filters_ == 0) return;
  const std::int64_t columns = group_ * panels_;
  const Range panels = by_rows_ ? Range{0, columns} : share(columns, part, parts_now);
  if (gathers_ || depthwise_) {
    const std::int64_t count = batch_ * axes_[0].out * boxes_[0] * boxes_[1];
    const Range boxes = by_rows_ ? share(count, part, parts_now) : Range{0, count};
    for (std::int64_t i = boxes.begin; i < boxes.end; ++i) {
      const Range rows = box(i);
      const Pixels from = gathers_ ? gather(run, rows) : in_place(run);
      if (depthwise_)
        run_depthwise(run, from, rows);
      else
        run_products(run, from, rows, panels);
    }
    return;
  }
  // Tiles are cut from all rows alike, whoever computes them.
  const std::int64_t tiles = ceil_div(rows_, tiling_.height);
  const Range mine = by_rows_ ? share(tiles, part, parts_now) : Range{0, tiles};
  const std::int64_t per_block = std::max<std::int64_t>(block_ / tiling_.height, 1);
  for (std::int64_t t = mine.begin; t < mine.end; t += per_block) {
    const std::int64_t end = std::min(t + per_block, mine.end);
    run_products(run, in_place(run), {rows_ * t / tiles, rows_ * end / tiles}, panels);
  }
}

void Correlation::run_products(const Run& run, const Pixels& from, Range rows, Range panels) const {
  const std::span<const TileRows> made = tiles(from, rows, rows.end - rows.begin, run.workspace);
  Product product;
  product.table = table_;
  product.tiling = tiling_;
  product.panel = taps_ * steps_ * kPanel;
  product.columns = filters_ / group_;
  product.low = low_;
  product.high = high_;
  if (finish_.sum()) {
    product.adds = true;
    product.addend = Finish::addend(run.y, run.operands);
  }
  for (std::int64_t g = panels.begin / panels_; g * panels_ < panels.end; ++g) {
    const Range own = {std::max(panels.begin - g * panels_, std::int64_t{0}),
                       std::min(panels.end - g * panels_, panels_)};
    product.panels = run.weights + g * panels_ * product.panel;
    product.bias = run.bias ? run.bias + g * product.columns : nullptr;
    product.offset = g * steps_;
    run_chunk(run, product, made, rows, g, own);
  }
}

void Correlation::run_chunk(const Run& run, Product product, std::span<const TileRows> tiles,
                            Range rows, std::int64_t group, Range panels) const {
  auto** out = reinterpret_cast<float**>(run.workspace + out_at_);
  const std::int64_t count = rows.end - rows.begin, first = group * product.columns;
  // Where all columns of results lie in one piece, it comes into cache while they are computed.
  if (const float* y = finish_.whole_rows(run.y, rows.begin, count);
      y && group_ == 1 && panels.end - panels.begin == panels_) {
    product.ahead = y;
    product.ahead_floats = count * product.columns;
  }
  if (!finish_.staged()) {
    finish_.addresses(run.y, rows.begin, count, first, out);
    run_tiles(product, tiles, panels.begin, panels.end, out, 0);
    return;
  }
  auto* stage = reinterpret_cast<float*>(run.workspace + stage_at_);
  // Rows without gaps where all columns fit: the epilogue goes through them as one.
  const std::int64_t width = std::min(stage_panels_ * kPanel, product.columns);
  for (std::int64_t i = 0; i < count; ++i) out[i] = stage + i * width;
  for (std::int64_t p = panels.begin; p < panels.end; p += stage_panels_) {
    const std::int64_t end = std::min(p + stage_panels_, panels.end);
    run_tiles(product, tiles, p, end, out, p * kPanel);
    finish_.finish(stage, width, rows,
                   {first + p * kPanel, first + std::min(end * kPanel, product.columns)}, run.y,
                   run.operands, run.workspace + scratch_at_);
  }
}

}  // namespace gossamer::kernels
