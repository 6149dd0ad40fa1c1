// How a product is cut into tiles and how its tiles run: what matrix products and convolutions
// share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "kernels/gemm/tile.h"
#include "kernels/level.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(GemmTables, gemm_tables)
inline const GemmTable& gemm_table(Level level) { return gemm_tables(level).floats; }

struct Tiling {
  int panels = 1;  // panels of a tile at most
  int height = 1;  // rows of a tile at most
};
// The tiles that suit a product of that many rows, `stride` elements apart, and panels. No sum
// depends on it.
Tiling choose_tiling(const GemmTable& table, std::int64_t rows, std::int64_t stride,
                     std::int64_t panels);

// Rows that go through the panels together.
struct TileRows {
  const float* const* rows = nullptr;  // as in GemmTile
  const std::int64_t* at = nullptr;
  std::int64_t runs = 0, steps = 0;
  int height = 0;
};

// What all tiles of a product have in common.
struct Product {
  const GemmTable* table = nullptr;
  Tiling tiling;
  const float* panels = nullptr;
  std::int64_t step = kPanel, panel = 0;  // as in GemmTile
  std::int64_t columns = 0;
  std::int64_t offset = 0;      // as in GemmTile
  const float* bias = nullptr;  // of all columns, or null
  float low = 0, high = 0;
  bool adds = false;  // as in GemmTile
  std::int64_t addend = 0;
  // What to fetch into cache meanwhile, such as where results go; none: the panels to come.
  const float* ahead = nullptr;
  std::int64_t ahead_floats = 0;
};

// Computes panels [begin, end) of `tiles`; each panel goes through all tiles while it is in cache.
// Column c of row i (counted through all tiles) goes to out[i][c - shift].
void run_tiles(const Product& product, std::span<const TileRows> tiles, std::int64_t begin,
               std::int64_t end, float* const* out, std::int64_t shift);

inline std::int64_t panels_of(std::int64_t columns) { return (columns + kPanel - 1) / kPanel; }

// Packs the matrix b[k, columns], given by its strides in elements, into panels [panels][k][16]:
// columns of zeros fill the last.
void pack_panels(const GemmTable& table, const float* b, std::int64_t k, std::int64_t columns,
                 std::int64_t row_stride, std::int64_t column_stride, float* panels);

// A guess at the time of a product in nanoseconds.
double product_time(Level level, double flops, double bytes);

// Places of buffers in a workspace, each aligned to a cache line.
class WorkspaceLayout {
 public:
  std::size_t add(std::int64_t bytes) {
    const std::size_t at = size_;
    size_ += (static_cast<std::size_t>(bytes) + 63) / 64 * 64;
    return at;
  }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

}  // namespace gossamer::kernels
