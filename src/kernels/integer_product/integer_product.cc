// The driver: blocks of rows, panels of weights, tiles of sums.
#include "kernels/integer_product/integer_product.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/gemm/tiling.h"
#include "kernels/integer_product/integer_finish.h"
#include "kernels/integer_product/integer_layout.h"
#include "kernels/integer_product/integer_rows.h"
#include "kernels/level.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(IntegerTable, integer_table)
DECLARE_LEVEL_TABLES(IntegerStripTable, integer_strip_table)

namespace {

constexpr std::int64_t kBlockRows = 128;
constexpr std::int64_t kGatherBytes = 128 << 10;   // of a block's rows
constexpr std::int64_t kAddressBytes = 128 << 10;  // of a block's addresses
constexpr std::int64_t kDepthwiseSums = 8 << 10;   // of a block
constexpr std::int64_t kShortSum = 64;             // bytes
constexpr std::int64_t kMostPairs = 4 << 10;       // outputs of a line
constexpr std::int64_t kPairBytes = 64 << 10;      // of a block's outputs
constexpr std::int64_t kStageColumns = kMaxIntegerPanels * kIntegerPanel;

class IntegerProduct final : public Prepared {
 public:
  IntegerProduct(const IntegerProductStep& s, const IntegerLayout& l, IntegerRows r, SumFinish f)
      : step(s), layout(l), rows_(std::move(r)), finish_(std::move(f)) {}

  void run(const Addresses& addresses, int part, int parts_now) const override;
  void prepare_blocks(const Shapes& shapes, bool dots);

  IntegerProductStep step;
  IntegerLayout layout;
  bool is_signed = false;  // x
  std::int64_t scale_count = 1;

 private:
  struct Run;
  using Tile = IntegerTileRows;
  void start(Run& run) const;
  void run_rows(const Run& run, Range rows, Range panels) const;
  std::int64_t tiles(const Run& run, Range rows, std::int64_t group) const;
  const std::uint8_t** even_rows(const std::uint8_t* x, const IntegerRows::Pixel& p, int height,
                                 const std::uint8_t** addresses) const;
  void row_terms(const Run& run, Range rows, Range columns, std::int64_t stride) const;
  void tiles_at_once(const Run& run, const IntegerTile& common, const IntegerFinish& finish,
                     std::int64_t count) const;
  SumFinish::Block block_of(const Run& run, Range rows, Range columns, std::int64_t column) const;
  void depthwise(const Run& run, Range rows) const;
  void flat_depthwise(const Run& run, Range rows) const;
  void strips(const Run& run, Range rows) const;
  void pairs(const Run& run, Range rows) const;
  IntegerStrip strip_of(const Run& run) const;
  bool by_strips() const { return layout.depthwise && layout.strips && !rows_.gathers(); }
  bool strips_at_once() const {
    return by_strips() && finish_.at_once() && finish_.to_bytes() && !finish_.has_other();
  }

  IntegerRows rows_;
  SumFinish finish_;
  const IntegerTable* table_ = nullptr;
  const IntegerStripTable* strips_ = nullptr;
  bool pairs_ = false;     // depthwise, two outputs at a time
  std::int64_t down_ = 0;  // and two lines: how far apart they begin
  bool dots_ = false, by_rows_ = true;
  int group_panels_ = 1, height_ = 1;
  std::int64_t block_ = 1;
  std::vector<std::int64_t> tap_at_, run_at_;  // in quads: of each tap, of each merged run
  std::size_t start_at_ = 0, scale_at_ = 0, bias_at_ = 0, padding_at_ = 0, addresses_at_ = 0,
              tiles_at_ = 0, gather_at_ = 0, row_sums_at_ = 0, stage_at_ = 0, scratch_at_ = 0;
};

struct IntegerProduct::Run {
  const std::uint8_t* x;
  const std::byte* w;
  const std::int32_t* weight_zeros;
  const float *scale, *bias;
  const void* const* operands;
  void* y;
  std::byte* workspace;
  std::uint8_t zero = 0;  // as it lies in x
  bool small = false;     // scales and biases
  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(workspace + offset);
  }
};

void IntegerProduct::prepare_blocks(const Shapes& shapes, bool dots) {
  table_ = &integer_table(shapes.level);
  strips_ = &integer_strip_table(shapes.level);
  dots_ = dots && table_->height[1][0] > 0;
  const std::int64_t count = rows_.count();
  const double depth = static_cast<double>(layout.taps * layout.channels);
  flops = 2.0 * static_cast<double>(count) * static_cast<double>(step.filters) * depth;
  const double a_bytes = static_cast<double>(count) * static_cast<double>(step.channels);
  const auto b_bytes = static_cast<double>(layout.weights);
  bytes = a_bytes + b_bytes + static_cast<double>(count * step.filters);
  const double rate = shapes.level == Level::v2   ? 30
                      : !dots_                    ? 100
                      : shapes.level == Level::v3 ? 250
                                                  : 600;
  const double sums = static_cast<double>(count) * static_cast<double>(step.filters);
  const double time = layout.depthwise ? sums / 4 : flops / rate + sums / 8;
  const int wanted = worthwhile_parts(std::max(time, bytes / 20), shapes.threads);

  for (std::int64_t t = 0; t < rows_.taps(); ++t) tap_at_.push_back(t * layout.run / kQuad);
  for (std::int64_t t = 0; t < rows_.taps(); t += rows_.merged())
    run_at_.push_back(t * layout.run / kQuad);
  block_ = std::min(kBlockRows, std::max<std::int64_t>(count, 1));
  block_ = std::clamp<std::int64_t>(kAddressBytes / (8 * rows_.taps()), 1, block_);
  if (layout.depthwise) {
    const bool whole = strips_at_once();
    const std::int64_t line = rows_.line();
    pairs_ = whole && dots_ && strips_->pairs && line >= 2 && line <= kMostPairs &&
             layout.kernel_columns + rows_.column_step() <= kMaxStripColumns;
    if (pairs_ && rows_.line_step() < kQuad && rows_.lines_touch() &&
        rows_.line_reach() + rows_.line_step() <= kQuad * layout.line_quads)
      down_ = rows_.line_step();
    if (pairs_)
      block_ = std::clamp<std::int64_t>(kPairBytes / (line * step.channels), 2,
                                        std::max<std::int64_t>(count / line, 2)) /
               2 * 2 * line;
    else if (whole)
      block_ = std::max(block_ / line * line, std::min(block_, line));
    if (!whole) block_ = std::clamp<std::int64_t>(kDepthwiseSums / layout.columns, 1, block_);
    height_ = by_strips() ? static_cast<int>(std::min<std::int64_t>(line, 1 << 20)) : 1;
    if (down_ > 0) height_ *= 2;
    const std::int64_t least = std::max<std::int64_t>(height_, by_strips() ? 1 : block_);
    parts = static_cast<int>(std::min<std::int64_t>(wanted, (count + least - 1) / least));
  } else {
    if (rows_.gathers())
      block_ = std::clamp<std::int64_t>(kGatherBytes / rows_.gathered(), 1, block_);
    const int* heights = table_->height[dots_];
    int widest = 1;
    for (int p = kMaxIntegerPanels; p > 1; --p)
      if (p <= layout.panels && heights[p - 1] > 0) {
        widest = p;
        break;
      }
    const std::int64_t groups = std::max<std::int64_t>((layout.panels + widest - 1) / widest, 1);
    group_panels_ =
        static_cast<int>((std::max<std::int64_t>(layout.panels, 1) + groups - 1) / groups);
    height_ = heights[group_panels_ - 1];
    const std::int64_t high = (count + height_ - 1) / height_, all = step.group * layout.panels;
    by_rows_ = high >= 2 * wanted && (a_bytes >= b_bytes || b_bytes < 512e3 || all < wanted);
    parts = static_cast<int>(std::min<std::int64_t>(wanted, by_rows_ ? high : all));
  }
  parts = std::max(parts, 1);

  WorkspaceLayout w;
  const auto pointer = static_cast<std::int64_t>(sizeof(void*));
  start_at_ = w.add(4 * layout.columns);
  scale_at_ = w.add(step.scaled ? 4 * (layout.columns + kDepthwiseBlock) : 0);
  bias_at_ = w.add(step.scaled ? 4 * (layout.columns + kDepthwiseBlock) : 0);
  padding_at_ = w.add(std::max(layout.run, layout.columns) + step.channels + 64);
  const std::int64_t stays = strips_at_once() ? 0 : block_;  // rows that have addresses and sums
  addresses_at_ = w.add(pointer * (stays * rows_.taps() + kMaxDepthwiseQuads * kQuad));
  tiles_at_ =
      w.add(pairs_ ? static_cast<std::int64_t>(sizeof(IntegerLines)) * (block_ / rows_.line() + 1)
                   : static_cast<std::int64_t>(sizeof(Tile)) * stays);
  if (rows_.gathers())
    gather_at_ =
        w.add(layout.depthwise ? rows_.taps() * layout.columns : block_ * rows_.gathered());
  if (step.weight_zeros) row_sums_at_ = w.add(4 * block_);
  stage_at_ =
      w.add(4 * (stays * (layout.depthwise ? layout.columns : kStageColumns) + kDepthwiseBlock));
  scratch_at_ = w.add(static_cast<std::int64_t>(
      finish_.scratch(block_, layout.depthwise ? layout.columns : kStageColumns)));
  workspace = w.size();
}

// What sums begin with, and scale and bias in padded columns.
void IntegerProduct::start(Run& run) const {
  const std::int64_t groups = layout.depthwise ? 1 : step.group;
  IntegerStart t;
  t.sums = reinterpret_cast<const std::int32_t*>(run.w + layout.weights);
  t.bias_sums = t.sums + layout.columns;
  t.zero = run.zero ^ (is_signed ? 0x80 : 0);
  t.columns = step.filters / groups;
  t.padded = layout.columns / groups;
  t.scale = run.scale;
  t.one_scale = scale_count == 1;
  t.bias = run.bias;
  t.unit = finish_.unit();
  t.reach = static_cast<float>(layout.taps * layout.channels) * 255 * 128;
  t.start = run.at<std::int32_t>(start_at_);
  t.scales = run.at<float>(scale_at_);
  t.biases = run.at<float>(bias_at_);
  run.small = true;
  for (std::int64_t g = 0; g < groups; ++g) {
    run.small = table_->start(t) && run.small;
    t.sums += t.padded;
    t.bias_sums += t.padded;
    t.start += t.padded;
    t.scales += t.padded;
    t.biases += t.padded;
    if (t.scale && !t.one_scale) t.scale += t.columns;
    if (t.bias) t.bias += t.columns;
  }
  std::memset(run.at<std::uint8_t>(padding_at_), run.zero,
              static_cast<std::size_t>(std::max(layout.run, layout.columns) + step.channels));
}

void IntegerProduct::run(const Addresses& addresses, int part, int parts_now) const {
  if (rows_.count() == 0 || step.filters == 0) return;
  Run run;
  std::size_t i = 0;
  const auto next = [&](bool there) { return there ? addresses.inputs[i++] : nullptr; };
  run.x = static_cast<const std::uint8_t*>(next(true));
  run.w = static_cast<const std::byte*>(next(true));
  const auto* zero = static_cast<const std::uint8_t*>(next(step.zero));
  run.weight_zeros = static_cast<const std::int32_t*>(next(step.weight_zeros));
  run.scale = static_cast<const float*>(next(step.scaled));
  run.bias = static_cast<const float*>(next(step.bias));
  run.operands = addresses.inputs + i;
  run.y = addresses.outputs[0];
  run.workspace = addresses.workspace;
  run.zero = zero ? *zero : 0;
  start(run);
  const std::int64_t count = rows_.count(), all = step.group * layout.panels;
  const Range mine = by_rows_ ? share(count, part, parts_now, height_) : Range{0, count};
  const Range panels = by_rows_ ? Range{0, all} : share(all, part, parts_now);
  const std::int64_t left = mine.end - mine.begin, blocks = (left + block_ - 1) / block_;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const Range rows =
        by_strips()
            ? Range{mine.begin + b * block_, std::min(mine.begin + (b + 1) * block_, mine.end)}
            : Range{mine.begin + left * b / blocks, mine.begin + left * (b + 1) / blocks};
    if (layout.depthwise)
      depthwise(run, rows);
    else
      run_rows(run, rows, panels);
  }
}

// Tiles of a block of rows; returns how many.
std::int64_t IntegerProduct::tiles(const Run& run, Range rows, std::int64_t group) const {
  auto** addresses = run.at<const std::uint8_t*>(addresses_at_);
  auto* tiles = run.at<Tile>(tiles_at_);
  const std::int64_t count = rows.end - rows.begin;
  IntegerRows::Pixel p = rows_.pixel(rows.begin);
  auto* gathered = run.at<std::uint8_t>(gather_at_);
  Tile even;
  even.at = run_at_.data();
  even.runs = rows_.runs();
  even.steps = rows_.run_bytes() / kQuad;
  // Where sums are short, one that meets padding stands alone, else tiles are of balanced height.
  const bool flat = rows_.flat(),
             alone = !rows_.gathers() && !flat && rows_.gathered() <= kShortSum;
  std::int64_t n = 0, row = 0, end = 0, low = 0, lows = 0;  // tiles of less height come first
  while (row < count) {
    if (row == end) {
      const std::int64_t all = alone ? rows_.even(p, count - row) : count - row;
      end = row + std::max<std::int64_t>(all, 1);
      const std::int64_t left = (end - row + height_ - 1) / height_;
      low = (end - row) / left;
      lows = left - (end - row) % left;
    }
    const int height = static_cast<int>(lows-- > 0 ? low : low + 1);
    Tile& t = tiles[n++];
    row += height;
    if (flat || (!rows_.gathers() && rows_.even(p, height) == height)) {
      even.rows = addresses;
      even.height = height;
      t = even;
      addresses = even_rows(run.x, p, height, addresses);
      if (flat)
        p.at += height * rows_.step();
      else if (row < count)
        rows_.advance(p, rows.begin + row, height);
      continue;
    }
    t.rows = addresses;
    t.height = height;
    if (rows_.gathers()) {
      t.at = run_at_.data();
      t.runs = 1;
      t.steps = rows_.gathered() / kQuad;
      for (std::int64_t r = row - height; r < row; ++r, gathered += rows_.gathered()) {
        rows_.gather(run.x, p, group, run.zero, gathered);
        *addresses++ = gathered;
        if (r + 1 < count) rows_.advance(p, rows.begin + r + 1);
      }
    } else {
      t.at = tap_at_.data();
      t.runs = rows_.taps();
      t.steps = layout.run / kQuad;
      for (std::int64_t r = row - height; r < row; ++r) {
        rows_.addresses(run.x, p, run.at<const std::uint8_t>(padding_at_), height, addresses++);
        if (r + 1 < count) rows_.advance(p, rows.begin + r + 1);
      }
      addresses += (t.runs - 1) * height;
    }
  }
  return n;
}

// What rows that lie evenly from p on read; returns where the addresses end.
const std::uint8_t** IntegerProduct::even_rows(const std::uint8_t* x, const IntegerRows::Pixel& p,
                                               int height, const std::uint8_t** addresses) const {
  const std::int64_t apart = rows_.step(), merged = rows_.merged(), taps = rows_.taps();
  const std::int64_t* offsets = rows_.offsets().data();
  for (std::int64_t k = 0; k < taps; k += merged) {
    const std::uint8_t* at = x + (p.at + offsets[k]);
    for (int r = 0; r < height; ++r, at += apart) addresses[r] = at;
    addresses += height;
  }
  return addresses;
}

SumFinish::Block IntegerProduct::block_of(const Run& run, Range rows, Range columns,
                                          std::int64_t column) const {
  SumFinish::Block block;
  block.sums = run.at<std::int32_t>(stage_at_);
  block.rows = rows;
  block.columns = columns;
  if (step.scaled) {
    block.scales = run.at<const float>(scale_at_) + column;
    block.biases = run.at<const float>(bias_at_) + column;
  }
  block.y = run.y;
  block.operands = run.operands;
  block.scratch = run.workspace + scratch_at_;
  block.small = run.small;
  return block;
}

void IntegerProduct::tiles_at_once(const Run& run, const IntegerTile& common,
                                   const IntegerFinish& finish, std::int64_t count) const {
  IntegerTiles all;
  all.tile = common;
  all.tiles = run.at<const Tile>(tiles_at_);
  all.count = count;
  all.functions = table_->tile[dots_][common.out_stride / kIntegerPanel - 1];
  all.finish = finish;
  all.to_bytes = finish_.to_bytes();
  all.dots = dots_;
  table_->tiles(all);
}

void IntegerProduct::run_rows(const Run& run, Range rows, Range panels) const {
  auto* stage = run.at<std::int32_t>(stage_at_);
  const auto* made = run.at<const Tile>(tiles_at_);
  IntegerTile t;
  t.flip = is_signed ? 0x80808080U : 0;
  t.panel = layout.panel;
  const bool at_once = finish_.at_once() && !step.weight_zeros;
  IntegerFinish finish;
  if (at_once) finish = finish_.fill(block_of(run, rows, {0, 0}, 0));
  std::int64_t n = -1;
  for (std::int64_t g = panels.begin / layout.panels; g * layout.panels < panels.end; ++g) {
    const std::int64_t begin = std::max(panels.begin - g * layout.panels, std::int64_t{0});
    const std::int64_t end = std::min(panels.end - g * layout.panels, layout.panels);
    if (n < 0 || rows_.gathers()) n = tiles(run, rows, g);
    t.offset = rows_.gathers() ? 0 : g * layout.channels;
    const std::int64_t groups = (end - begin + group_panels_ - 1) / group_panels_;
    for (std::int64_t k = 0; k < groups; ++k) {
      const std::int64_t first = begin + (end - begin) * k / groups;
      const std::int64_t last = begin + (end - begin) * (k + 1) / groups;
      const std::int64_t column = (g * layout.panels + first) * kIntegerPanel;
      t.panels =
          reinterpret_cast<const std::int8_t*>(run.w) + (g * layout.panels + first) * layout.panel;
      t.start = run.at<const std::int32_t>(start_at_) + column;
      t.out = stage;
      t.out_stride = (last - first) * kIntegerPanel;
      SumFinish::Block block =
          block_of(run, rows,
                   {g * layout.filters + first * kIntegerPanel,
                    g * layout.filters + std::min(last * kIntegerPanel, layout.filters)},
                   column);
      block.stride = t.out_stride;
      if (at_once) {
        finish_.move(finish, block);
        tiles_at_once(run, t, finish, n);
        continue;
      }
      const IntegerTileFunction* functions = table_->tile[dots_][last - first - 1];
      for (std::int64_t i = 0; i < n; ++i) {
        t.rows = made[i].rows;
        t.at = made[i].at;
        t.runs = made[i].runs;
        t.steps = made[i].steps;
        functions[made[i].height - 1](t);
        t.out += made[i].height * t.out_stride;
      }
      if (step.weight_zeros) row_terms(run, rows, block.columns, t.out_stride);
      finish_.finish(block);
    }
  }
}

// Takes off what the zero points of weights add to a block of sums; rows are gathered.
void IntegerProduct::row_terms(const Run& run, Range rows, Range columns,
                               std::int64_t stride) const {
  auto* sums = run.at<std::int32_t>(stage_at_);
  const auto* gathered = run.at<const std::uint8_t>(gather_at_);
  const std::uint8_t flip = is_signed ? 0x80 : 0;
  for (std::int64_t r = 0; r < rows.end - rows.begin; ++r, sums += stride) {
    std::uint32_t total = 0;
    for (std::int64_t t = 0; t < layout.taps; ++t, gathered += layout.run)
      for (std::int64_t c = 0; c < layout.channels; ++c)
        total += static_cast<std::uint8_t>(gathered[c] ^ flip);
    for (std::int64_t c = columns.begin; c < columns.end; ++c) {
      auto& sum = sums[c - columns.begin];
      sum = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) -
                                      total * static_cast<std::uint32_t>(run.weight_zeros[c]));
    }
  }
}

void IntegerProduct::depthwise(const Run& run, Range rows) const {
  if (pairs_) return pairs(run, rows);
  if (strips_at_once()) return strips(run, rows);
  if (by_strips())
    strips(run, rows);
  else
    flat_depthwise(run, rows);
  SumFinish::Block block = block_of(run, rows, {0, step.filters}, 0);
  block.stride = layout.columns;
  finish_.finish(block);
}

// What the strips of a run have in common.
IntegerStrip IntegerProduct::strip_of(const Run& run) const {
  IntegerStrip t;
  t.padding = run.at<const std::uint8_t>(padding_at_);
  t.columns = layout.kernel_columns;
  t.quads = layout.line_quads;
  t.channels = step.channels;
  t.flip = is_signed ? 0x80808080U : 0;
  t.weights = reinterpret_cast<const std::int8_t*>(run.w);
  t.start = run.at<const std::int32_t>(start_at_);
  t.stride = layout.columns;
  return t;
}

// Whole lines of outputs, two by two where their images and inputs allow it.
void IntegerProduct::pairs(const Run& run, Range rows) const {
  auto* lines = run.at<IntegerLines>(tiles_at_);
  IntegerPairs all;
  all.strip = strip_of(run);
  all.strip.count = rows_.line();
  all.strip.finish = finish_.fill(block_of(run, rows, {0, step.filters}, 0));
  if (!all.strip.finish.saturates) return strips(run, rows);
  all.lines = lines;
  for (std::int64_t row = rows.begin; row < rows.end;) {
    const IntegerRows::Pixel p = rows_.pixel(row);
    IntegerLines& now = lines[all.line_count++];
    now = IntegerLines();
    now.out = all.strip.finish.out + (row - rows.begin);
    const bool two = down_ > 0 && row + rows_.line() < rows.end && rows_.has_next_line(p);
    now.down = two ? down_ : 0;
    rows_.strip(run.x, p, two ? rows_.line_reach() + down_ : rows_.line_reach(), now.lines,
                all.strip);
    row += two ? 2 * rows_.line() : rows_.line();
  }
  strips_->pairs(all);
}

// Outputs line by line, to y or, where they cannot go on at once, as sums.
void IntegerProduct::strips(const Run& run, Range rows) const {
  IntegerStrip t = strip_of(run);
  const bool at_once = strips_at_once();
  const float zeros[kDepthwiseBlock] = {};
  for (std::int64_t row = rows.begin; row < rows.end; row += t.count) {
    const IntegerRows::Pixel p = rows_.pixel(row);
    t.count = std::min(rows_.to_line_end(p), rows.end - row);
    rows_.strip(run.x, p, rows_.line_reach(), t.lines, t);
    if (at_once)
      t.finish = finish_.fill(block_of(run, {row, row + t.count}, {0, step.filters}, 0));
    else
      t.sums = run.at<std::int32_t>(stage_at_) + (row - rows.begin) * layout.columns;
    if (!at_once) t.finish.scale = t.finish.bias = zeros;
    strips_->strip[dots_](t);
  }
}

void IntegerProduct::flat_depthwise(const Run& run, Range rows) const {
  const std::uint8_t* taps[kMaxDepthwiseQuads * kQuad];
  auto** in = run.at<const std::uint8_t*>(addresses_at_);
  const auto* padding = run.at<const std::uint8_t>(padding_at_);
  for (std::int64_t t = 0; t < layout.quads * kQuad; ++t) in[t] = padding;
  auto* gathered = run.at<std::uint8_t>(gather_at_);
  if (rows_.gathers())
    for (std::int64_t t = 0; t < rows_.taps(); ++t)
      in[layout.tap_place(t)] = gathered + t * layout.columns;
  IntegerDepthwise t;
  t.in = in;
  t.quads = layout.quads;
  t.channels = step.channels;
  t.flip = is_signed ? 0x80808080U : 0;
  t.weights = reinterpret_cast<const std::int8_t*>(run.w);
  t.start = run.at<const std::int32_t>(start_at_);
  t.out = run.at<std::int32_t>(stage_at_);
  IntegerRows::Pixel p = rows_.pixel(rows.begin);
  for (std::int64_t row = rows.begin; row < rows.end; ++row, t.out += layout.columns) {
    if (row > rows.begin) rows_.advance(p, row);
    if (rows_.gathers()) {
      rows_.gather_taps(run.x, p, step.channels, run.zero, layout.columns, gathered);
    } else {
      rows_.addresses(run.x, p, padding, 1, taps);
      for (std::int64_t i = 0; i < rows_.taps(); ++i) in[layout.tap_place(i)] = taps[i];
    }
    table_->depthwise[dots_](t);
  }
}

bool lists_fit(const IntegerProductStep& step) {
  const std::size_t space = step.kernel.size();
  const auto fits = [&](const std::vector<std::int64_t>& list, std::int64_t least) {
    return (list.empty() || list.size() == space) &&
           std::all_of(list.begin(), list.end(), [&](std::int64_t v) { return v >= least; });
  };
  return space <= kIntegerSpace && fits(step.kernel, 1) && fits(step.strides, 1) &&
         fits(step.dilations, 1) && fits(step.pads_begin, INT64_MIN) && step.group >= 1 &&
         step.channels >= 1 && step.filters >= 1 && step.channels % step.group == 0 &&
         step.filters % step.group == 0 && (space > 0 || step.group == 1);
}

bool dense_vector(const View& v, DType dtype, std::int64_t count) {
  return v.dtype == dtype && v.count() == count && (count <= 1 || v.dense());
}

Status check(const IntegerProductStep& step, const Shapes& shapes) {
  const auto wrong = [](const char* what) {
    return internal_error(std::string("IntegerProduct: ") + what);
  };
  const std::size_t fixed =
      std::size_t{2} + step.zero + step.weight_zeros + step.scaled + step.bias;
  if (shapes.inputs.size() < fixed || shapes.outputs.size() != 1) return wrong("too few operands");
  const View &x = shapes.inputs[0], &w = shapes.inputs[1], &y = shapes.outputs[0];
  if (x.dtype != DType::u8 && x.dtype != DType::i8)
    return unsupported("IntegerProduct: an operand other than of 8 bits");
  if (!lists_fit(step)) return wrong("numbers that do not fit");
  const bool conv = !step.kernel.empty();
  if (x.rank != y.rank || x.rank < 1 || (conv && x.rank != std::ssize(step.kernel) + 2))
    return wrong("operands of another rank");
  const std::size_t channel = conv ? 1 : static_cast<std::size_t>(x.rank) - 1;
  if (x.extents[channel] != step.channels || y.extents[channel] != step.filters)
    return wrong("another number of channels");
  for (std::size_t a = 0; a < (conv ? 1 : channel); ++a)
    if (x.extents[a] != y.extents[a] && x.extents[a] != 1) return wrong("extents that do not fit");
  if (static_cast<std::size_t>(w.count()) * dtype_size(w.dtype) < packed_integer_product_size(step))
    return wrong("packed weights are too small");
  std::size_t i = 2;
  if (step.zero && !dense_vector(shapes.inputs[i++], x.dtype, 1)) return wrong("a zero point");
  if (step.weight_zeros && !dense_vector(shapes.inputs[i++], DType::i32, step.filters))
    return wrong("zero points of weights");
  if (step.scaled) {
    const View& scale = shapes.inputs[i++];
    if (!dense_vector(scale, DType::f32, scale.count() == 1 ? 1 : step.filters))
      return wrong("a scale");
  }
  if (step.bias && !dense_vector(shapes.inputs[i++], DType::f32, step.filters))
    return wrong("a bias");
  return step.bias && !step.scaled ? wrong("a bias without scale") : Status();
}

}  // namespace

bool has_integer_dots(Level level) {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx512vnni") != 0;
  static const bool narrow = __builtin_cpu_supports("avxvnni") != 0;
  return level == Level::v4 ? wide : level == Level::v3 && narrow;
#else
  return false;
#endif
}

Result<PreparedPtr> prepare(const IntegerProductStep& step, const Shapes& shapes, bool dots) {
  TRY(check(step, shapes));
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  const IntegerLayout layout(step);
  const std::size_t fixed =
      std::size_t{2} + step.zero + step.weight_zeros + step.scaled + step.bias;
  ASSIGN(IntegerRows rows, IntegerRows::make(step, layout, x, y));
  ASSIGN(SumFinish finish, SumFinish::make(step, shapes.level, y, shapes.inputs.subspan(fixed)));
  auto made = std::make_unique<IntegerProduct>(step, layout, std::move(rows), std::move(finish));
  made->is_signed = x.dtype == DType::i8;
  if (step.scaled)
    made->scale_count =
        shapes.inputs[fixed - 1 - (step.bias ? 1 : 0)].count() == 1 ? 1 : step.filters;
  made->prepare_blocks(shapes, dots);
  return PreparedPtr(std::move(made));
}

Result<PreparedPtr> prepare(const IntegerProductStep& step, const Shapes& shapes) {
  return prepare(step, shapes, has_integer_dots(shapes.level));
}

}  // namespace gossamer::kernels
