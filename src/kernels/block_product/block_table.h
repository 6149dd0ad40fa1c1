// The leaves of products with weights of few bits: tiles of rows by vectors of columns. Plain
// structs, so that files of all levels may include them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kBlockPanel = 16;     // columns of a panel
inline constexpr int kBlockRun = 8;        // neighbors along K whose weights lie together
inline constexpr int kMaxBlockHeight = 8;  // rows of a tile at most
inline constexpr int kMaxBlockPanels = 4;  // panels of a tile at most

// A panel is a row of blocks: scales f32[16], zero points u8[16] where there are any, then runs of
// 8 along K: u32[16] of eight times 4 bits, the first lowest, or u8[8][16].
struct BlockTile {
  const float* const* rows = nullptr;  // x
  float* const* out = nullptr;         // y, 16 columns a panel
  const std::uint8_t* panels = nullptr;
  std::int64_t panel = 0;  // bytes from panel to panel
  std::int64_t k = 0, block = 0;
  bool zeros = false;
};

struct BlockTable {
  // [bits == 8][height > 1]: tiles of one row, and of `height` rows.
  void (*tile[2][2])(const BlockTile&);
  int height = 1;
  int panels[2] = {};  // of either
};

}  // namespace gossamer::kernels
