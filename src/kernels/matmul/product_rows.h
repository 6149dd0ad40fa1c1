// The rows of a left operand a[.., K], ready for tiles: addresses of their elements, gathered into
// the workspace where these do not lie side by side, and the bounds of the tiles.
#pragma once

#include <span>

#include "kernels/gemm/row_walk.h"
#include "kernels/gemm/tiling.h"

namespace gossamer::kernels {

class ProductRows {
 public:
  // `walk`: the rows of a; `k`, `stride`: of the axis that the product sums over. `block`: most
  // rows of a block.
  ProductRows() = default;
  ProductRows(const GemmTable& table, const RowWalk<1>& walk, std::int64_t k, std::int64_t stride,
              std::int64_t block, WorkspaceLayout& layout);

  // Tiles of rows [first, first + count), cut evenly into at most `height` rows each; count is at
  // most `block`.
  std::span<const TileRows> tiles(const float* a, std::int64_t first, std::int64_t count,
                                  int height, std::byte* workspace) const;

 private:
  void gather(const float* a, std::int64_t first, std::int64_t count, float* to) const;

  const GemmTable* table_ = nullptr;
  RowWalk<1> walk_;
  std::int64_t k_ = 0, stride_ = 1;
  bool gathers_ = false;
  std::size_t addresses_ = 0, tiles_ = 0, gathered_ = 0;  // in the workspace
};

}  // namespace gossamer::kernels
