// Index operands: i32 or i64, a negative one counting from the end of its axis.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// Element `offset` of an operand of i32 or i64.
inline std::int64_t index_at(const void* indices, DType dtype, std::int64_t offset) {
  return dtype == DType::i32 ? static_cast<const std::int32_t*>(indices)[offset]
                             : static_cast<const std::int64_t*>(indices)[offset];
}

// The index within [0, extent); 0 for one that is out of range. extent > 0.
inline std::int64_t safe_index(std::int64_t index, std::int64_t extent) {
  if (index < 0) index += extent;
  return static_cast<std::uint64_t>(index) < static_cast<std::uint64_t>(extent) ? index : 0;
}

inline Status check_index(std::int64_t index, std::int64_t extent) {
  if (index >= -extent && index < extent) return {};
  return malformed("index " + std::to_string(index) + " is out of range for an extent of " +
                   std::to_string(extent));
}

}  // namespace gossamer::kernels
