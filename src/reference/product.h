// Sums of products over packed operands: the part that MatMul, Conv and ConvTranspose share. The
// left operand lies in blocks of kProductRows rows, the right one in panels of kProductColumns
// columns, k running between blocks and elements. Sums are formed in runs of kProductRun products,
// which are then added pairwise: one fixed order, whatever the extents of rows and columns.
#pragma once

#include <cstdint>

namespace gossamer::reference {

inline constexpr std::int64_t kProductRows = 4;
inline constexpr std::int64_t kProductColumns = 16;
inline constexpr std::int64_t kProductRun = 128;

// Elements of a packed left operand.
constexpr std::int64_t packed_count(std::int64_t rows, std::int64_t depth) {
  return (rows + kProductRows - 1) / kProductRows * kProductRows * depth;
}

// Packs a matrix whose element (row, k) is a[row * row_stride + k * k_stride]; rows beyond the last
// are zero.
template <class T>
void pack_rows(const T* a, std::int64_t rows, std::int64_t depth, std::int64_t row_stride,
               std::int64_t k_stride, T* packed);
// Packs columns [0, columns) of a matrix whose element (k, column) is b[k * k_stride + column *
// column_stride] into one panel [depth][kProductColumns]; columns beyond the last are zero.
template <class T>
void pack_panel(const T* b, std::int64_t depth, std::int64_t columns, std::int64_t k_stride,
                std::int64_t column_stride, T* panel);

// y[row * y_stride + column] = sum over k, for all rows and the panel's first `columns` columns.
template <class T>
void multiply_panel(const T* packed, const T* panel, std::int64_t rows, std::int64_t depth,
                    std::int64_t columns, T* y, std::int64_t y_stride);

}  // namespace gossamer::reference
