// Cuts products into tiles of balanced size and runs them, panels outside, rows inside: a group of
// panels stays in the second level cache while all rows of a block pass by.
#include "kernels/gemm/tiling.h"

#include <algorithm>

namespace gossamer::kernels {

Tiling choose_tiling(const GemmTable& table, std::int64_t rows, std::int64_t stride,
                     std::int64_t panels) {
  // The widest tile that is not too low: it loads the fewest bytes a product.
  int widest = 1;
  for (int p = kMaxPanels; p > 1; --p)
    if (p <= panels && table.height[p - 1] >= std::clamp<std::int64_t>(rows, 1, 3)) {
      widest = p;
      break;
    }
  const std::int64_t groups = std::max<std::int64_t>((panels + widest - 1) / widest, 1);
  Tiling t;
  t.panels = static_cast<int>(std::max<std::int64_t>((panels + groups - 1) / groups, 1));
  t.height = table.height[t.panels - 1];
  // Rows a multiple of 4096 bytes apart share one set of the first level cache, of eight lines on
  // many machines.
  if (stride != 0 && stride % 1024 == 0) t.height = std::min(t.height, 6);
  return t;
}

void run_tiles(const Product& product, std::span<const TileRows> tiles, std::int64_t begin,
               std::int64_t end, float* const* out, std::int64_t shift) {
  const std::int64_t cap = product.tiling.panels, groups = (end - begin + cap - 1) / cap;
  GemmTile t;
  t.step = product.step;
  t.panel = product.panel;
  t.offset = product.offset;
  t.low = product.low;
  t.high = product.high;
  t.adds = product.adds;
  t.addend = product.addend;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = begin + (end - begin) * g / groups;
    const std::int64_t last = begin + (end - begin) * (g + 1) / groups;
    const std::int64_t column = first * kPanel;
    t.panels = product.panels + first * product.panel;
    t.columns = static_cast<int>(std::min(last * kPanel, product.columns) - column);
    t.column = column - shift;
    t.bias = product.bias ? product.bias + column : nullptr;
    const GemmFunction* functions = product.table->tile[last - first - 1];
    t.out = out;
    // The next group of panels comes in while this one is used, a part of it with each tile; or a
    // part of what the caller wants.
    const bool more = product.ahead_floats == 0 && g + 1 < groups && tiles.size() > 1;
    const std::int64_t share = product.ahead_floats / groups;
    const std::int64_t ahead = 4 * (more ? (last - first) * product.panel : share);
    const auto* next = reinterpret_cast<const char*>(more ? product.panels + last * product.panel
                                                     : share > 0 ? product.ahead + g * share
                                                                 : t.panels);
    const std::int64_t part = tiles.empty() ? 0 : ahead / std::ssize(tiles);
    std::int64_t steps = 0;
    for (const TileRows& rows : tiles) {
      if (const std::int64_t now = rows.runs * rows.steps; now != steps) {  // divisions are slow
        steps = now;
        t.ahead_step = steps > 0 ? part / steps : 0;
      }
      t.ahead = next;
      next += part;
      t.rows = rows.rows;
      t.at = rows.at;
      t.runs = rows.runs;
      t.steps = rows.steps;
      functions[rows.height - 1](t);
      t.out += rows.height;
    }
  }
}

void pack_panels(const GemmTable& table, const float* b, std::int64_t k, std::int64_t columns,
                 std::int64_t row_stride, std::int64_t column_stride, float* panels) {
  for (std::int64_t c = 0; c < columns; c += kPanel, panels += k * kPanel) {
    const int n = static_cast<int>(std::min<std::int64_t>(columns - c, kPanel));
    const float* from = b + c * column_stride;
    if (column_stride == 1 && n == kPanel)
      table.copy_rows(from, row_stride, k, panels);
    else if (row_stride == 1)
      table.pack_columns(from, column_stride, k, n, panels);
    else
      for (std::int64_t i = 0; i < k; ++i)
        for (int j = 0; j < kPanel; ++j)
          panels[i * kPanel + j] = j < n ? from[i * row_stride + j * column_stride] : 0;
  }
}

double product_time(Level level, double flops, double bytes) {
  const double rate = level == Level::v4 ? 150 : level == Level::v3 ? 80 : 30;  // a nanosecond
  return std::max(flops / rate, bytes / 20);
}

}  // namespace gossamer::kernels
