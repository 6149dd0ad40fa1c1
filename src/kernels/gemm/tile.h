// The leaf of every product: a tile of some rows by one to four panels of 16 columns, kept in
// registers while it runs over K. A plain struct, so that files of all levels may include it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kPanel = 16;      // columns of a panel
inline constexpr int kMaxPanels = 4;   // panels that a tile spans at most
inline constexpr int kMaxHeight = 12;  // rows of a tile at most

// out[i][column + c] = clamp(bias[c] + sum over runs r and steps k of
//   rows[r * height + i][offset + k] * panel[at[r] + k][c] + addend) for c < columns, where addend
// is what stands `addend` elements after the result if `adds`, else 0.
struct GemmTile {
  const float* const* rows = nullptr;  // where each run of each row begins
  const std::int64_t* at = nullptr;    // the panels' first row for each run
  std::int64_t runs = 0;
  std::int64_t steps = 0;         // elements of a run
  std::int64_t offset = 0;        // elements between the addresses and the runs
  const float* panels = nullptr;  // the first panel
  std::int64_t step = kPanel;     // elements from one row of a panel to the next
  std::int64_t panel = 0;         // elements from one panel to the next
  float* const* out = nullptr;    // each row of results
  std::int64_t column = 0;        // where in the rows of results
  int columns = 0;                // more than 16 * (panels - 1), at most 16 * panels
  const float* bias = nullptr;    // of `columns`, or null: 0
  float low = 0, high = 0;        // a NaN stays one
  bool adds = false;
  std::int64_t addend = 0;
  const char* ahead = nullptr;  // what to fetch into the second level cache meanwhile,
  std::int64_t ahead_step = 0;  // so many bytes a step
};
using GemmFunction = void (*)(const GemmTile&);

struct GemmTable {
  // [panels - 1][height - 1], null above height[panels - 1]. Fewer panels allow no lower tiles.
  GemmFunction tile[kMaxPanels][kMaxHeight];
  int height[kMaxPanels];
  // to[i * to_stride + j] = from[j * from_stride + i] for i < rows, j < columns: both inner strides
  // are 1 the other way round.
  void (*transpose)(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
                    std::int64_t rows, std::int64_t columns);
  // to[i * to_stride + j] = from[i * from_stride + j] for i < rows, j < columns.
  void (*move_rows)(const float* from, std::int64_t from_stride, float* to, std::int64_t to_stride,
                    std::int64_t rows, std::int64_t columns);
  // Copies k rows of 16 that lie `stride` apart.
  void (*copy_rows)(const float* from, std::int64_t stride, std::int64_t k, float* panel);
  // Packs columns [0, 16) of a panel whose column j lies at from + j * stride, K elements of stride
  // 1; columns from `columns` on become 0.
  void (*pack_columns)(const float* from, std::int64_t stride, std::int64_t k, int columns,
                       float* panel);
  // out[j] = clamp(a . b[j] + bias[j]) for columns b[j] = b + j * stride of k elements of stride 1.
  void (*dots)(const float* a, const float* b, std::int64_t stride, std::int64_t k,
               std::int64_t columns, const float* bias, float low, float high, float* out);
};
// Of elements that are floats, and of such that are pairs of bf16 (see bf16.h).
struct GemmTables {
  GemmTable floats, pairs;
};

}  // namespace gossamer::kernels
