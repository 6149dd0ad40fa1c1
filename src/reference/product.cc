// The inner loops of products: plain, with constant trip counts so that compilers vectorize them.
#include "reference/product.h"

#include <algorithm>

namespace gossamer::reference {
namespace {

// One tile of sums, kProductRows x kProductColumns, row-major.
template <class T>
struct Tile {
  T at[kProductRows * kProductColumns];
};

// At most kProductRun products a sum, in the order of k.
template <class T>
void tile_run(const T* a, const T* b, std::int64_t depth, Tile<T>& out) {
  constexpr std::int64_t kWidth = kProductColumns;
  T s0[kWidth] = {}, s1[kWidth] = {}, s2[kWidth] = {}, s3[kWidth] = {};
  for (std::int64_t k = 0; k < depth; ++k, a += kProductRows, b += kWidth) {
    for (std::int64_t j = 0; j < kWidth; ++j) s0[j] += a[0] * b[j];
    for (std::int64_t j = 0; j < kWidth; ++j) s1[j] += a[1] * b[j];
    for (std::int64_t j = 0; j < kWidth; ++j) s2[j] += a[2] * b[j];
    for (std::int64_t j = 0; j < kWidth; ++j) s3[j] += a[3] * b[j];
  }
  std::copy_n(s0, kWidth, out.at);
  std::copy_n(s1, kWidth, out.at + kWidth);
  std::copy_n(s2, kWidth, out.at + 2 * kWidth);
  std::copy_n(s3, kWidth, out.at + 3 * kWidth);
}

template <class T>
void tile_sum(const T* a, const T* b, std::int64_t depth, Tile<T>& out) {
  if (depth <= kProductRun) return tile_run(a, b, depth, out);
  const std::int64_t runs = (depth + kProductRun - 1) / kProductRun;
  const std::int64_t half = (runs + 1) / 2 * kProductRun;
  tile_sum(a, b, half, out);
  Tile<T> second;
  tile_sum(a + half * kProductRows, b + half * kProductColumns, depth - half, second);
  for (std::int64_t i = 0; i < kProductRows * kProductColumns; ++i) out.at[i] += second.at[i];
}

}  // namespace

template <class T>
void pack_rows(const T* a, std::int64_t rows, std::int64_t depth, std::int64_t row_stride,
               std::int64_t k_stride, T* packed) {
  for (std::int64_t first = 0; first < rows; first += kProductRows) {
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t i = 0; i < kProductRows; ++i)
        *packed++ = first + i < rows ? a[(first + i) * row_stride + k * k_stride] : T{};
  }
}

template <class T>
void pack_panel(const T* b, std::int64_t depth, std::int64_t columns, std::int64_t k_stride,
                std::int64_t column_stride, T* panel) {
  for (std::int64_t k = 0; k < depth; ++k, panel += kProductColumns) {
    for (std::int64_t j = 0; j < columns; ++j) panel[j] = b[k * k_stride + j * column_stride];
    std::fill(panel + columns, panel + kProductColumns, T{});
  }
}

template <class T>
void multiply_panel(const T* packed, const T* panel, std::int64_t rows, std::int64_t depth,
                    std::int64_t columns, T* y, std::int64_t y_stride) {
  for (std::int64_t first = 0; first < rows; first += kProductRows) {
    Tile<T> tile;
    tile_sum(packed + first * depth, panel, depth, tile);
    const std::int64_t count = std::min(kProductRows, rows - first);
    for (std::int64_t i = 0; i < count; ++i)
      std::copy_n(tile.at + i * kProductColumns, columns, y + (first + i) * y_stride);
  }
}

#define GOSS_PRODUCT(T)                                                                           \
  template void pack_rows(const T*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, T*);  \
  template void pack_panel(const T*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, T*); \
  template void multiply_panel(const T*, const T*, std::int64_t, std::int64_t, std::int64_t, T*,  \
                               std::int64_t);
GOSS_PRODUCT(float)
GOSS_PRODUCT(double)
GOSS_PRODUCT(std::uint32_t)
GOSS_PRODUCT(std::uint64_t)
#undef GOSS_PRODUCT

}  // namespace gossamer::reference
