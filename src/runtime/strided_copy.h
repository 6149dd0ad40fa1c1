// Copying between tensors that lie differently in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gossamer::runtime {

// Copies elements of `size` bytes between tensors of these extents; strides in elements, outermost
// axis first. No bytes may be shared.
void copy_strided(std::span<const std::int64_t> extents, std::size_t size, const std::byte* from,
                  std::span<const std::int64_t> from_strides, std::byte* to,
                  std::span<const std::int64_t> to_strides);

}  // namespace gossamer::runtime
