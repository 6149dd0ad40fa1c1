// Whether bytes hold what an element type can be.
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"

namespace gossamer {

// Whether every element, one a byte where the type is narrower, is one that its type can hold:
// booleans and narrow types do not fill their byte. Any bytes are fine for the other types.
bool valid_elements(DType dtype, std::span<const std::byte> bytes);

}  // namespace gossamer
