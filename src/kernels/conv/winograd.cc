// Winograd convolutions: blocks of tiles whose transformed inputs stay in the second level cache
// while groups of panels pass by.
#include "kernels/conv/winograd.h"

#include <algorithm>

#include "kernels/level.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(WinogradTable, winograd_table)

namespace {

constexpr std::int64_t kKeptFloats = 160
                                     << 10;  // of transformed weights that are kept for all blocks
constexpr std::int64_t kChunkFloats = 50 << 10;   // of those that are not, for six points
constexpr std::int64_t kInputFloats = 160 << 10;  // of transformed inputs
constexpr std::int64_t kInputFloatsBesideWeights = 56 << 10;
constexpr std::int64_t kCachedBytes = 768 << 10;  // of x that need not be fetched ahead
constexpr std::int64_t kLeastChannels = 16;
constexpr std::int64_t kOut = kWinogradOut, kIn = kWinogradIn, kPoints = kWinogradPoints;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// An odd number of cache lines, so that points do not share sets of a cache.
std::int64_t odd_lines(std::int64_t floats) { return (floats / 16 | 1) * 16; }

bool fits(const CorrelationSpec& spec) {
  const auto three = [](const CorrelationAxis& axis) {
    return axis.step == 1 && axis.taps.size() == 3 && axis.taps[1] == axis.taps[0] + 1 &&
           axis.taps[2] == axis.taps[0] + 2;
  };
  const CorrelationAxis& depth = spec.axes[0];
  return spec.x.rank == 4 && spec.group == 1 && spec.places.empty() && depth.taps.size() == 1 &&
         depth.in == 1 && depth.out == 1 && three(spec.axes[1]) && three(spec.axes[2]) &&
         spec.x.strides[1] == 1 && spec.x.extents[1] >= kLeastChannels &&
         spec.y.extents[1] >= kLeastChannels && spec.y.count() > 0;
}

// Vector instructions, roughly: plain products against products of points and transforms.
bool pays(std::int64_t pixels, std::int64_t tiles, std::int64_t channels, std::int64_t panels) {
  const double vectors = static_cast<double>(ceil_div(channels, 16));
  const double plain = 9.0 * static_cast<double>(pixels * panels * channels);
  const double products = 36.0 * static_cast<double>(tiles * panels * channels);
  const double inputs = 430 * static_cast<double>(tiles) * vectors;
  const double outputs = 310 * static_cast<double>(tiles * panels);
  const double weights = 400 * static_cast<double>(panels * channels);
  return products + inputs + outputs + weights < 0.9 * plain;
}

}  // namespace

struct Winograd::Memory {
  const Correlation::Run& run;
  float *v, *u, *m, *stage, *unused;
  const float** rows;  // of transformed inputs, by tile
  float** to;          // of products, by tile
  float** out;         // by pixel of a block
  TileRows* tiles;
  std::uint8_t* bad;  // tiles that are to be plain sums
  std::byte* scratch;
};

std::optional<Winograd> Winograd::make(const CorrelationSpec& spec) {
  if (!fits(spec)) return std::nullopt;
  Winograd w;
  for (std::size_t i = 0; i < 2; ++i) {
    w.in_[i] = spec.axes[1 + i].in;
    w.out_[i] = spec.axes[1 + i].out;
    w.before_[i] = -spec.axes[1 + i].taps[0];
    w.tiles_[i] = ceil_div(w.out_[i], kOut);
    w.stride_[i] = spec.x.extents[2 + i] == 1 ? 0 : spec.x.strides[2 + i];
  }
  w.batch_ = spec.y.extents[0];
  w.channels_ = spec.x.extents[1];
  w.filters_ = spec.y.extents[1];
  w.panels_ = panels_of(w.filters_);
  const std::int64_t pixels = w.batch_ * w.out_[0] * w.out_[1];
  if (!pays(pixels, w.batch_ * w.tiles_[0] * w.tiles_[1], w.channels_, w.panels_))
    return std::nullopt;
  Result<Finish> finish = Finish::make(*spec.epilogue, spec.level, spec.y, 1, spec.operands);
  if (!finish.ok()) return std::nullopt;
  w.finish_ = std::move(*finish);
  w.finish_.stage_sum();
  w.table_ = &winograd_table(spec.level);
  w.gemm_ = &gemm_table(spec.level);
  w.low_ = spec.low;
  w.high_ = spec.high;
  w.batch_stride_ = spec.x.extents[0] == 1 ? 0 : spec.x.strides[0];
  w.far_ = 4 * spec.x.count() > kCachedBytes;
  w.zeros_.assign(static_cast<std::size_t>(w.channels_), 0.0F);
  w.flops_ = 18.0 * static_cast<double>(pixels * w.filters_) * static_cast<double>(w.channels_);
  w.bytes_ = 4.0 * static_cast<double>(spec.x.count() + pixels * w.filters_ +
                                       9 * w.channels_ * w.panels_ * kPanel);
  const double time = product_time(spec.level, w.flops_ / 3, w.bytes_);
  w.choose_blocks(worthwhile_parts(time, spec.threads), w.finish_.staged());
  w.lay_out_workspace();
  return w;
}

void Winograd::choose_blocks(int wanted, bool staged) {
  const std::int64_t tile_rows = batch_ * tiles_[0];
  keeps_ = kPoints * channels_ * panels_ * kPanel <= kKeptFloats;
  const std::int64_t most = std::min<std::int64_t>(
      kMaxPanels,
      keeps_ ? kMaxPanels : std::max<std::int64_t>(kChunkFloats / (kIn * channels_ * kPanel), 1));
  group_ = ceil_div(panels_, ceil_div(panels_, most));
  row_ = ceil_div(channels_, kPanel) * kPanel + kPanel;
  product_row_ = group_ * kPanel + kPanel;
  std::int64_t room = (keeps_ ? kInputFloatsBesideWeights : kInputFloats) / (kPoints * row_);
  if (staged) room = std::min(room, (std::int64_t{32} << 10) / (kOut * kOut * group_ * kPanel));
  room = std::max<std::int64_t>(room, 4);
  // Stretches of equal length, and rows of them as many as fit.
  blocks_[1] = ceil_div(tiles_[1], room);
  block_[1] = ceil_div(tiles_[1], blocks_[1]);
  blocks_[0] =
      blocks_[1] > 1 ? tile_rows : ceil_div(tile_rows, std::max<std::int64_t>(room / tiles_[1], 1));
  // By rows all parts transform all weights, by panels all inputs.
  const std::int64_t tiles = tile_rows * tiles_[1];
  const bool even = tile_rows * blocks_[1] >= 3 * wanted || tile_rows * blocks_[1] % wanted == 0;
  by_rows_ = panels_ < wanted || (even && tiles * ceil_div(channels_, 16) > panels_ * channels_);
  if (wanted > 1 && by_rows_ && blocks_[1] == 1)
    blocks_[0] = std::min(ceil_div(blocks_[0], wanted) * wanted, tile_rows);
  block_[0] = ceil_div(tile_rows, blocks_[0]);
  parts_ = static_cast<int>(std::clamp<std::int64_t>(by_rows_ ? blocks_[0] * blocks_[1] : panels_,
                                                     1, std::max(wanted, 1)));
  if (!by_rows_) group_ = std::min(group_, ceil_div(panels_, parts_));
}

void Winograd::lay_out_workspace() {
  const std::int64_t tiles = block_[0] * block_[1], pixels = tiles * kOut * kOut;
  const auto pointer = static_cast<std::int64_t>(sizeof(void*));
  point_ = odd_lines(tiles * row_);
  product_row_ = group_ * kPanel + kPanel;
  product_point_ = odd_lines(tiles * product_row_);
  WorkspaceLayout layout;
  v_at_ = layout.add(4 * kPoints * point_);
  // A panel of a point has a line to spare.
  u_at_ = layout.add(4 * (keeps_ ? kPoints * panels_ : kIn * group_) * (channels_ + 1) * kPanel);
  m_at_ = layout.add(4 * kPoints * product_point_);
  rows_at_ = layout.add(pointer * tiles);
  to_at_ = layout.add(pointer * tiles);
  out_at_ = layout.add(pointer * pixels);
  tiles_at_ = layout.add(static_cast<std::int64_t>(sizeof(TileRows)) * tiles);
  bad_at_ = layout.add(tiles);
  unused_at_ = layout.add(4 * group_ * kPanel);
  if (finish_.staged()) {
    stage_at_ = layout.add(4 * pixels * group_ * kPanel);
    scratch_at_ = layout.add(finish_.scratch(pixels * group_ * kPanel));
  }
  workspace_ = layout.size();
}

// Rows of tiles are dealt out evenly.
Winograd::Block Winograd::block(std::int64_t index) const {
  const std::int64_t y = index / blocks_[1], x = index % blocks_[1];
  const std::int64_t rows = batch_ * tiles_[0];
  return {{rows * y / blocks_[0], rows * (y + 1) / blocks_[0]},
          {tiles_[1] * x / blocks_[1], tiles_[1] * (x + 1) / blocks_[1]}};
}

void Winograd::run(const Correlation::Run& run, int part, int parts_now) const {
  std::byte* at = run.workspace;
  const auto floats = [&](std::size_t offset) { return reinterpret_cast<float*>(at + offset); };
  const Memory m = {run,
                    floats(v_at_),
                    floats(u_at_),
                    floats(m_at_),
                    floats(stage_at_),
                    floats(unused_at_),
                    reinterpret_cast<const float**>(at + rows_at_),
                    reinterpret_cast<float**>(at + to_at_),
                    reinterpret_cast<float**>(at + out_at_),
                    reinterpret_cast<TileRows*>(at + tiles_at_),
                    reinterpret_cast<std::uint8_t*>(at + bad_at_),
                    at + scratch_at_};
  const std::int64_t count = blocks_[0] * blocks_[1];
  const Range blocks = by_rows_ ? share(count, part, parts_now) : Range{0, count};
  const Range panels = by_rows_ ? Range{0, panels_} : share(panels_, part, parts_now);
  for (std::int64_t i = blocks.begin; i < blocks.end; ++i)
    run_block(m, block(i), panels, i == blocks.begin);
}

void Winograd::run_block(const Memory& m, const Block& block, Range panels, bool first) const {
  transform_inputs(m, block);
  const std::int64_t groups = ceil_div(panels.end - panels.begin, group_);
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t n = panels.end - panels.begin;
    const Range own = {panels.begin + n * g / groups, panels.begin + n * (g + 1) / groups};
    multiply(m, block, own, !first);
    transform_outputs(m, block, own);
    if (finish_.staged()) finish(m, block, own);
  }
}

// The pixels that a tile reads.
void Winograd::inputs_of(const Memory& m, std::int64_t row, std::int64_t column,
                         const float** in) const {
  const std::int64_t top = row % tiles_[0] * kOut - before_[0], left = column * kOut - before_[1];
  const float* image = m.run.x + row / tiles_[0] * batch_stride_;
  for (std::int64_t y = top; y < top + kIn; ++y)
    for (std::int64_t x = left; x < left + kIn; ++x)
      *in++ = y >= 0 && y < in_[0] && x >= 0 && x < in_[1]
                  ? image + (y * stride_[0] + x * stride_[1])
                  : zeros_.data();
}

// The pixels that the next tile reads: too many short runs for the machine to foresee.
void Winograd::fetch_next(const float* const* in) const {
  for (std::int64_t p = 0; p < kPoints; ++p)
    for (std::int64_t i = 0; in[p] != zeros_.data() && i < channels_; i += 16)
      __builtin_prefetch(in[p] + kOut * stride_[1] + i);
}

void Winograd::transform_inputs(const Memory& m, const Block& block) const {
  std::int64_t t = 0;
  for (std::int64_t row = block.rows.begin; row < block.rows.end; ++row)
    for (std::int64_t c = block.columns.begin; c < block.columns.end; ++c, ++t) {
      const float* in[kPoints];
      inputs_of(m, row, c, in);
      if (far_ && c + 1 < block.columns.end) fetch_next(in);
      float* v = m.v + t * row_;
      m.bad[t] = !(table_->input(in, channels_, v, point_) < kWinogradMost);
      m.rows[t] = v;
      m.to[t] = m.m + t * product_row_;
    }
}

// The products of all points. Transformed weights of the panels are there already with `kept`.
void Winograd::multiply(const Memory& m, const Block& block, Range panels, bool kept) const {
  static constexpr std::int64_t kFirst = 0;
  const std::int64_t count = block.tiles(), width = panels.end - panels.begin;
  const std::int64_t panel = channels_ * kPanel, point = odd_lines(width * panel);
  Product product;
  product.table = gemm_;
  product.tiling = choose_tiling(*gemm_, count, row_, width);
  product.panel = panel;
  product.columns = width * kPanel;
  product.low = -std::numeric_limits<float>::infinity();
  product.high = std::numeric_limits<float>::infinity();
  const std::int64_t n = ceil_div(count, product.tiling.height);
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t first = count * i / n, last = count * (i + 1) / n;
    m.tiles[i] = {m.rows + first, &kFirst, 1, channels_, static_cast<int>(last - first)};
  }
  for (int row = 0; row < kIn; ++row) {
    // [column of points][panel], after those of all rows before where they are kept.
    float* u = m.u + (keeps_ ? kPoints * panels.begin * (panel + kPanel) + row * kIn * point : 0);
    if (!keeps_ || !kept)
      for (std::int64_t p = 0; p < width; ++p)
        table_->weights(m.run.weights + (panels.begin + p) * 9 * panel, panel, row, u + p * panel,
                        point);
    for (int column = 0; column < kIn; ++column) {
      const std::int64_t e = row * kIn + column;
      product.panels = u + column * point;
      product.offset = e * point_;
      run_tiles(product, {m.tiles, static_cast<std::size_t>(n)}, 0, width, m.to,
                -e * product_point_);
    }
  }
}

void Winograd::transform_outputs(const Memory& m, const Block& block, Range panels) const {
  const std::int64_t first = panels.begin * kPanel;
  const std::int64_t columns = std::min(panels.end * kPanel, filters_) - first;
  const std::int64_t width = group_ * kPanel, left = block.columns.begin * kOut;
  const std::int64_t pixels = std::min(block.columns.end * kOut, out_[1]) - left;
  const float* bias = m.run.bias ? m.run.bias + first : nullptr;
  std::int64_t t = 0;
  float** rows = m.out;  // of a row of tiles
  float* stage = m.stage;
  for (std::int64_t row = block.rows.begin; row < block.rows.end; ++row) {
    const std::int64_t top = row % tiles_[0] * kOut;
    const std::int64_t height = std::min(kOut, out_[0] - top);
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t pixel = (row / tiles_[0] * out_[0] + top + y) * out_[1] + left;
      if (!finish_.staged())
        finish_.addresses(m.run.y, pixel, pixels, first, rows + y * pixels);
      else
        for (std::int64_t x = 0; x < pixels; ++x, stage += width) rows[y * pixels + x] = stage;
    }
    for (std::int64_t c = block.columns.begin; c < block.columns.end; ++c, ++t) {
      float* out[kOut * kOut];
      const std::int64_t x0 = c * kOut - left;
      for (std::int64_t i = 0; i < kOut * kOut; ++i) {
        const std::int64_t y = i / kOut, x = x0 + i % kOut;
        out[i] = y < height && x < pixels ? rows[y * pixels + x] : m.unused;
      }
      table_->output(m.to[t], product_point_, bias, low_, high_, out, columns);
      if (m.bad[t]) {
        const float* in[kPoints];
        inputs_of(m, row, c, in);
        plain_tile(m, in, panels, out);
      }
    }
  }
}

// The outputs of a tile as plain sums.
void Winograd::plain_tile(const Memory& m, const float* const* in, Range panels,
                          float* const* out) const {
  std::int64_t at[9];
  const float* rows[9];
  const TileRows tile = {rows, at, 9, channels_, 1};
  const std::int64_t first = panels.begin * kPanel;
  Product product;
  product.table = gemm_;
  product.panel = 9 * channels_ * kPanel;
  product.panels = m.run.weights;
  product.columns = std::min(panels.end * kPanel, filters_);
  product.bias = m.run.bias;
  product.low = low_;
  product.high = high_;
  for (std::int64_t i = 0; i < kOut * kOut; ++i) {
    for (std::int64_t t = 0; t < 9; ++t) {
      at[t] = t * channels_;
      rows[t] = in[(i / kOut + t / 3) * kIn + i % kOut + t % 3];
    }
    run_tiles(product, {&tile, 1}, panels.begin, panels.end, out + i, first);
  }
}

// Rows of tiles that are as wide as y go at once.
void Winograd::finish(const Memory& m, const Block& block, Range panels) const {
  const Range columns = {panels.begin * kPanel, std::min(panels.end * kPanel, filters_)};
  const std::int64_t left = block.columns.begin * kOut, width = group_ * kPanel;
  const std::int64_t pixels = std::min(block.columns.end * kOut, out_[1]) - left;
  const auto line = [&](std::int64_t row) {  // of y, counted through all images
    return row / tiles_[0] * out_[0] + std::min(row % tiles_[0] * kOut, out_[0]);
  };
  const std::int64_t begin = line(block.rows.begin), end = line(block.rows.end);
  float* stage = m.stage;
  const std::int64_t lines = pixels == out_[1] ? end - begin : 1;
  for (std::int64_t y = begin; y < end; y += lines, stage += lines * pixels * width)
    finish_.finish(stage, width,
                   {y * out_[1] + left, y * out_[1] + left + (lines - 1) * out_[1] + pixels},
                   columns, m.run.y, m.run.operands, m.scratch);
}

}  // namespace gossamer::kernels
