// Copying elements between two strided arrays: the loop under every movement of the reference.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace gossamer::reference {

// One axis of the copied block: its extent and the strides, in elements, to read and to write by.
struct StridedAxis {
  std::int64_t extent = 1, from = 0, to = 0;
};

// Drops axes of extent 1, merges neighbors that run on in both arrays, and puts the axis that is
// read contiguously next to the innermost one. The set of copied elements stays the same.
std::vector<StridedAxis> simplify(std::span<const StridedAxis> axes);

template <class T>
void copy_row(const StridedAxis& a, const T* x, T* y) {
  if (a.from == 1 && a.to == 1) {
    std::copy_n(x, a.extent, y);
  } else if (a.from == 0 && a.to == 1) {
    std::fill_n(y, a.extent, *x);
  } else {
    for (std::int64_t i = 0; i < a.extent; ++i) y[i * a.to] = x[i * a.from];
  }
}

// Two axes at once; in square blocks when rows would be read across, so that every line of cache
// that is fetched is used.
template <class T>
void copy_plane(const StridedAxis& row, const StridedAxis& column, const T* x, T* y) {
  constexpr std::int64_t kBlock = 32;
  if (column.from == 0 || column.from == 1 || row.extent < 4) {
    for (std::int64_t r = 0; r < row.extent; ++r)
      copy_row(column, x + r * row.from, y + r * row.to);
    return;
  }
  for (std::int64_t r0 = 0; r0 < row.extent; r0 += kBlock) {
    const std::int64_t rows = std::min(kBlock, row.extent - r0);
    for (std::int64_t c0 = 0; c0 < column.extent; c0 += kBlock) {
      const StridedAxis part{std::min(kBlock, column.extent - c0), column.from, column.to};
      for (std::int64_t r = r0; r < r0 + rows; ++r)
        copy_row(part, x + r * row.from + c0 * column.from, y + r * row.to + c0 * column.to);
    }
  }
}

// Copies the block from x to y, which point at its first element and do not overlap.
template <class T>
void copy_strided(std::span<const StridedAxis> block, const T* x, T* y) {
  for (const StridedAxis& a : block)
    if (a.extent == 0) return;
  std::vector<StridedAxis> axes = simplify(block);
  const StridedAxis column = axes.back();
  const StridedAxis row = axes[axes.size() - 2];
  const std::size_t outer = axes.size() - 2;
  std::vector<std::int64_t> at(outer, 0);
  while (true) {
    copy_plane(row, column, x, y);
    std::size_t d = outer;
    while (d > 0) {
      const StridedAxis& a = axes[--d];
      x += a.from;
      y += a.to;
      if (++at[d] < a.extent) break;
      x -= a.from * a.extent;
      y -= a.to * a.extent;
      at[d] = 0;
      if (d == 0) return;
    }
    if (outer == 0) return;
  }
}

}  // namespace gossamer::reference
