// Views, and how work is shared.
#include "kernels/kernel.h"

#include <algorithm>

namespace gossamer::kernels {

std::int64_t View::count() const {
  std::int64_t n = 1;
  for (int i = 0; i < rank; ++i) n *= extents[static_cast<std::size_t>(i)];
  return n;
}

bool View::dense() const {
  std::int64_t step = 1;
  for (int i = rank; i-- > 0;) {
    const auto a = static_cast<std::size_t>(i);
    if (extents[a] != 1 && strides[a] != step) return false;
    step *= extents[a];
  }
  return true;
}

View View::row_major(DType dtype, std::span<const std::int64_t> extents) {
  View v;
  v.dtype = dtype;
  v.rank = static_cast<int>(extents.size());
  std::int64_t step = 1;
  for (std::size_t i = extents.size(); i-- > 0;) {
    v.extents[i] = extents[i];
    v.strides[i] = step;
    step *= extents[i];
  }
  return v;
}

int worthwhile_parts(double nanoseconds, int threads) {
  constexpr double kLeastShare = 2000;  // a barrier costs some hundreds of nanoseconds
  return std::clamp(static_cast<int>(std::min(nanoseconds / kLeastShare, 1e6)), 1,
                    std::max(threads, 1));
}

Range share(std::int64_t count, int part, int parts, std::int64_t grain) {
  const std::int64_t grains = (count + grain - 1) / grain;
  const auto bound = [&](std::int64_t p) { return std::min(count, grains * p / parts * grain); };
  return {bound(part), bound(part + 1)};
}

}  // namespace gossamer::kernels
