// Place: where a value lies while a program is made: a buffer, and a strided view of it with
// symbolic extents. Movement that a view can express moves nothing.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "graph/type.h"
#include "reference/copy.h"
#include "runtime/program.h"

namespace gossamer::compile {

struct Place {
  runtime::BufferId buffer = -1;
  DType dtype = DType::f32;
  bool ranked = true;
  DimVector extents, strides;  // strides in elements
  Dim offset;                  // in elements

  int rank() const { return static_cast<int>(extents.size()); }
  // Whether the elements certainly lie in row-major order without gaps.
  bool dense() const;
};

// Strides of a tensor without gaps whose axes lie in memory in the order `order`, outermost first.
DimVector strides_in_order(const DimVector& extents, const std::vector<int>& order);
std::vector<int> row_major(int rank);
// Channels (axis 1) innermost; row-major below rank 3.
std::vector<int> channels_last(int rank);
// The axes by falling stride, as far as strides compare: how a value lies. Row-major when that
// cannot be told.
std::vector<int> order_of(const Place& place);

// The view after one movement step; nothing when elements must move. `number` gives an extent's
// value, or nothing when only running can tell.
using Number = std::function<std::optional<Dim>(const Extent&)>;
std::optional<Place> view_after(const Place& place, const Step& step, const Number& number);
// The view under other extents of the same count; nothing when the strides do not allow it.
std::optional<Place> view_as(const Place& place, const DimVector& extents);

}  // namespace gossamer::compile
