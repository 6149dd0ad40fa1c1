// Copies axis by axis, the inner ones at once where both sides are without gaps.
#include "runtime/strided_copy.h"

#include <cstring>

namespace gossamer::runtime {
namespace {

struct Copy {
  std::span<const std::int64_t> extents, from_strides, to_strides;
  std::size_t size;
  std::size_t dense_from;  // from this axis on, both sides are row-major without gaps
  std::size_t dense_bytes;

  void run(std::size_t axis, const std::byte* from, std::byte* to) const {
    if (axis == dense_from) {
      std::memcpy(to, from, dense_bytes);
      return;
    }
    const auto bytes = static_cast<std::int64_t>(size);
    for (std::int64_t i = 0; i < extents[axis]; ++i)
      run(axis + 1, from + i * from_strides[axis] * bytes, to + i * to_strides[axis] * bytes);
  }
};

}  // namespace

void copy_strided(std::span<const std::int64_t> extents, std::size_t size, const std::byte* from,
                  std::span<const std::int64_t> from_strides, std::byte* to,
                  std::span<const std::int64_t> to_strides) {
  for (const std::int64_t n : extents)
    if (n == 0) return;
  Copy copy{extents, from_strides, to_strides, size, extents.size(), size};
  std::int64_t step = 1;
  while (copy.dense_from > 0) {
    const std::size_t axis = copy.dense_from - 1;
    const bool dense =
        extents[axis] == 1 || (from_strides[axis] == step && to_strides[axis] == step);
    if (!dense) break;
    step *= extents[axis];
    copy.dense_from = axis;
  }
  copy.dense_bytes = static_cast<std::size_t>(step) * size;
  copy.run(0, from, to);
}

}  // namespace gossamer::runtime
