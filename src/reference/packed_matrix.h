// PackedMatrix: a matrix packed once as the right operand of products with many blocks of rows.
#pragma once

#include <algorithm>
#include <span>

#include "base/tensor.h"
#include "reference/product.h"

namespace gossamer::reference {

// A is float or double.
template <class A>
class PackedMatrix {
 public:
  PackedMatrix() = default;

  // The matrix whose element (k, column) is m[k * k_stride + column * column_stride].
  static Result<PackedMatrix> pack(const A* m, std::int64_t depth, std::int64_t columns,
                                   std::int64_t k_stride, std::int64_t column_stride) {
    PackedMatrix p;
    p.depth_ = depth;
    p.columns_ = columns;
    const std::int64_t panels = (columns + kProductColumns - 1) / kProductColumns;
    ASSIGN(p.panels_,
           Tensor::make_uninitialized(dtype_of<A>, Shape{panels, depth, kProductColumns}));
    A* panel = p.panels_.template mutable_values<A>().data();
    for (std::int64_t first = 0; first < columns; first += kProductColumns) {
      pack_panel(m + first * column_stride, depth, std::min(kProductColumns, columns - first),
                 k_stride, column_stride, panel);
      panel += depth * kProductColumns;
    }
    return p;
  }

  // y[row * y_stride + column] for contiguous `rows` of depth elements; `room` holds at least
  // packed_count(count, depth) elements.
  void multiply(const A* rows, std::int64_t count, std::span<A> room, A* y,
                std::int64_t y_stride) const {
    pack_rows(rows, count, depth_, depth_, std::int64_t{1}, room.data());
    const A* panel = panels_.values<A>().data();
    for (std::int64_t first = 0; first < columns_; first += kProductColumns) {
      multiply_panel(static_cast<const A*>(room.data()), panel, count, depth_,
                     std::min(kProductColumns, columns_ - first), y + first, y_stride);
      panel += depth_ * kProductColumns;
    }
  }

 private:
  std::int64_t depth_ = 0, columns_ = 0;
  Tensor panels_;
};

}  // namespace gossamer::reference
