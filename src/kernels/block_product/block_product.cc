// Panels of weights go past tiles of rows; shares are of panels.
#include "kernels/block_product/block_product.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/block_product/block_table.h"
#include "kernels/gemm/row_walk.h"
#include "kernels/gemm/tiling.h"
#include "kernels/level.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(BlockTable, block_table)

namespace {

constexpr std::int64_t kMostExtent = std::int64_t{1} << 32;

std::int64_t blocks_of(const BlockProductStep& s) { return (s.k + s.block - 1) / s.block; }

// Panels in whole tiles.
std::int64_t panels_of(const BlockProductStep& s) {
  constexpr std::int64_t kColumns = kBlockPanel * kMaxBlockPanels;
  return (s.n + kColumns - 1) / kColumns * kMaxBlockPanels;
}

std::int64_t panel_bytes(const BlockProductStep& s) {
  return blocks_of(s) * kBlockPanel * (4 + (s.zeros ? 1 : 0)) + s.k * kBlockPanel * s.bits / 8;
}

class BlockProduct final : public Prepared {
 public:
  BlockProduct(const BlockProductStep& s, const Shapes& shapes)
      : step_(s), table_(block_table(shapes.level)), walk_(2) {
    const View &x = shapes.inputs[0], &y = shapes.outputs[0];
    for (std::size_t a = 0; a + 1 < static_cast<std::size_t>(y.rank); ++a)
      walk_.add(y.extents[a],
                {y.extents[a] == 1 ? 0 : y.strides[a], x.extents[a] == 1 ? 0 : x.strides[a]});
    const auto rows = static_cast<double>(walk_.rows());
    const auto weights = static_cast<double>(panel_bytes(s) * panels_of(s));
    flops = 2 * rows * static_cast<double>(s.k) * static_cast<double>(s.n);
    bytes = weights + 4 * rows * static_cast<double>(s.k + s.n);
    const double rate = shapes.level == Level::v4 ? 60 : shapes.level == Level::v3 ? 30 : 8;
    parts = static_cast<int>(
        std::clamp<std::int64_t>(worthwhile_parts(flops / rate + bytes / 20, shapes.threads), 1,
                                 std::max<std::int64_t>(panels_of(s) / kMaxBlockPanels, 1)));
    workspace = kMaxBlockHeight * kMaxBlockPanels * kBlockPanel * sizeof(float);
  }

  void run(const Addresses& addresses, int part, int parts_now) const override {
    const Range panels = share(panels_of(step_), part, parts_now, kMaxBlockPanels);
    const bool tall = walk_.rows() > 1;
    const int width = table_.panels[tall];
    for (std::int64_t p = panels.begin; p < panels.end && p * kBlockPanel < step_.n; p += width)
      for (std::int64_t row = 0; row < walk_.rows(); row += tall ? table_.height : 1)
        tile(addresses, p, row, tall);
  }

 private:
  // Rows that are missing are computed as the first, to nowhere.
  void tile(const Addresses& addresses, std::int64_t panel, std::int64_t first, bool tall) const {
    const int height = tall ? table_.height : 1, columns = table_.panels[tall] * kBlockPanel;
    const std::int64_t column = panel * kBlockPanel;
    const std::int64_t width = std::min<std::int64_t>(columns, step_.n - column);
    const std::int64_t count = std::min<std::int64_t>(height, walk_.rows() - first);
    const float* rows[kMaxBlockHeight];
    float* out[kMaxBlockHeight];
    float* results[kMaxBlockHeight];
    auto* stage = reinterpret_cast<float*>(addresses.workspace);
    for (int i = 0; i < height; ++i) {
      const auto s = walk_.segment(i < count ? first + i : first, walk_.rows());
      rows[i] = static_cast<const float*>(addresses.inputs[0]) + s.offsets[1];
      results[i] = static_cast<float*>(addresses.outputs[0]) + s.offsets[0] + column;
      out[i] = i < count && width == columns ? results[i] : stage + i * columns;
    }
    BlockTile t;
    t.rows = rows;
    t.out = out;
    t.panel = panel_bytes(step_);
    t.panels = static_cast<const std::uint8_t*>(addresses.inputs[1]) + panel * t.panel;
    t.k = step_.k;
    t.block = step_.block;
    t.zeros = step_.zeros;
    table_.tile[step_.bits == 8][tall](t);
    if (width < columns)
      for (std::int64_t i = 0; i < count; ++i)
        std::memcpy(results[i], out[i], static_cast<std::size_t>(width) * sizeof(float));
  }

  BlockProductStep step_;
  const BlockTable& table_;
  RowWalk<2> walk_;  // y, x; in elements
};

Status check(const BlockProductStep& step, const Shapes& shapes) {
  const auto wrong = [](const char* what) {
    return internal_error(std::string("BlockProduct: ") + what);
  };
  if (!fits_block_product(step)) return wrong("numbers that do not fit");
  if (shapes.inputs.size() != 2 || shapes.outputs.size() != 1) return wrong("too few operands");
  const View &x = shapes.inputs[0], &w = shapes.inputs[1], &y = shapes.outputs[0];
  if (x.dtype != DType::f32 || y.dtype != DType::f32) return wrong("operands of other types");
  if (x.rank < 1 || x.rank != y.rank) return wrong("operands of another rank");
  const std::size_t last = static_cast<std::size_t>(y.rank) - 1;
  if (x.extents[last] != step.k || y.extents[last] != step.n) return wrong("other extents");
  for (std::size_t a = 0; a < last; ++a)
    if (x.extents[a] != y.extents[a] && x.extents[a] != 1) return wrong("extents that do not fit");
  const std::size_t bytes = packed_block_product_size(step);
  if (bytes == 0 || static_cast<std::size_t>(w.count()) * dtype_size(w.dtype) < bytes)
    return wrong("packed weights are too small");
  if ((step.k > 1 && x.strides[last] != 1) || (step.n > 1 && y.strides[last] != 1))
    return unsupported("BlockProduct: rows whose elements lie apart");
  return {};
}

}  // namespace

bool fits_block_product(const BlockProductStep& s) {
  return (s.bits == 4 || s.bits == 8) && s.k > 0 && s.n > 0 && s.k <= kMostExtent &&
         s.n <= kMostExtent && s.k % kBlockRun == 0 && s.block > 0 && s.block % kBlockRun == 0 &&
         s.block <= kMostExtent && packed_block_product_size(s) > 0;
}

Result<PreparedPtr> prepare(const BlockProductStep& step, const Shapes& shapes) {
  TRY(check(step, shapes));
  return PreparedPtr(std::make_unique<BlockProduct>(step, shapes));
}

std::size_t packed_block_product_size(const BlockProductStep& s) {
  std::int64_t bytes = 0;
  if (s.k < 0 || s.n < 0 || s.k > kMostExtent || s.n > kMostExtent || s.block < 1 ||
      __builtin_mul_overflow(panels_of(s), panel_bytes(s), &bytes))
    return 0;
  return static_cast<std::size_t>(bytes);
}

void pack_block_product(const BlockProductStep& s, const BlockWeights& w, std::byte* packed) {
  auto* to = reinterpret_cast<std::uint8_t*>(packed);
  for (std::int64_t p = 0; p < panels_of(s); ++p)
    for (std::int64_t b = 0; b < blocks_of(s); ++b) {
      const std::int64_t first = b * s.block, end = std::min(s.k, first + s.block);
      const auto column = [&](std::int64_t c) { return p * kBlockPanel + c; };
      float scales[kBlockPanel] = {};
      for (std::int64_t c = 0; c < kBlockPanel && column(c) < s.n; ++c)
        scales[c] = w.scale(b, column(c));
      std::memcpy(to, scales, sizeof scales);
      to += sizeof scales;
      if (s.zeros)
        for (std::int64_t c = 0; c < kBlockPanel; ++c)
          *to++ = column(c) < s.n ? static_cast<std::uint8_t>(w.zero(b, column(c))) : 0;
      for (std::int64_t k = first; k < end; k += kBlockRun)
        for (std::int64_t i = 0; i < kBlockRun * kBlockPanel * s.bits / 8; ++i) {
          // Of 4 bits: byte i belongs to column i / 4, of 8: to neighbor i / 16.
          const bool four = s.bits == 4;
          const std::int64_t c = column(four ? i / 4 : i % kBlockPanel);
          const std::int64_t at = k + (four ? i % 4 * 2 : i / kBlockPanel);
          int value = 0;
          if (c < s.n) value = four ? w.q(at, c) | w.q(at + 1, c) << 4 : w.q(at, c);
          *to++ = static_cast<std::uint8_t>(value);
        }
    }
}

}  // namespace gossamer::kernels
