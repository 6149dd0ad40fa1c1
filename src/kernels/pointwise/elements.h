// How element types of memory stand to lanes.
#pragma once

#include "base/dtype.h"
#include "kernels/pointwise/tile.h"

namespace gossamer::kernels {

// Of a dtype that has a lane type.
Element element_of(DType dtype);
// Whether elements in memory are what lanes hold, bit for bit.
bool lies_in_lanes(DType dtype);

}  // namespace gossamer::kernels
