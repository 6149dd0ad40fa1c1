// A few rows times a narrow panel of columns: the leaf of attention and of recurrent layers.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kPanelUnit = 16;     // columns come in this multiple
inline constexpr int kPanelColumns = 64;  // columns of one call at most

// out[i][c] = start + sum over k of a[i][k] * panel[k * step + c], for i < rows and c < columns,
// where start is out itself if `add`, else bias[c], else 0. Each sum runs from k = 0 upward,
// whatever the number of rows.
struct PanelProduct {
  const float* const* a;
  float* const* out;
  std::int64_t rows, depth;
  const float* panel;
  std::int64_t step;
  int columns;  // 16, 32, 48 or 64
  bool add;
  const float* bias;  // may be null
};

struct PanelTable {
  void (*multiply)(const PanelProduct&);
  // to[k * step + j] = from[j * stride + k] for k < depth, j < count (at most 16); 0 up to j = 16.
  void (*pack_columns)(const float* from, std::int64_t stride, std::int64_t depth, int count,
                       float* to, std::int64_t step);
};

}  // namespace gossamer::kernels
