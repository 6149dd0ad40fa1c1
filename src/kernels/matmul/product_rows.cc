// Finds or gathers the rows of a left operand.
#include "kernels/matmul/product_rows.h"

namespace gossamer::kernels {
namespace {

constexpr std::int64_t kAtZero = 0;

}  // namespace

ProductRows::ProductRows(const GemmTable& table, const RowWalk<1>& walk, std::int64_t k,
                         std::int64_t stride, std::int64_t block, WorkspaceLayout& layout)
    : table_(&table), walk_(walk), k_(k), stride_(stride), gathers_(stride != 1 && k > 1) {
  addresses_ = layout.add(block * static_cast<std::int64_t>(sizeof(const float*)));
  tiles_ = layout.add(block * static_cast<std::int64_t>(sizeof(TileRows)));
  if (gathers_) gathered_ = layout.add(block * k * static_cast<std::int64_t>(sizeof(float)));
}

std::span<const TileRows> ProductRows::tiles(const float* a, std::int64_t first, std::int64_t count,
                                             int height, std::byte* workspace) const {
  auto** addresses = reinterpret_cast<const float**>(workspace + addresses_);
  if (gathers_) {
    auto* gathered = reinterpret_cast<float*>(workspace + gathered_);
    gather(a, first, count, gathered);
    for (std::int64_t i = 0; i < count; ++i) addresses[i] = gathered + i * k_;
  } else {
    walk_.addresses(a, first, count, addresses);
  }
  auto* tiles = reinterpret_cast<TileRows*>(workspace + tiles_);
  const std::int64_t n = (count + height - 1) / height;
  for (std::int64_t t = 0; t < n; ++t) {
    const std::int64_t begin = count * t / n, end = count * (t + 1) / n;
    tiles[t] = {addresses + begin, &kAtZero, 1, k_, static_cast<int>(end - begin)};
  }
  return {tiles, static_cast<std::size_t>(n)};
}

void ProductRows::gather(const float* a, std::int64_t first, std::int64_t count, float* to) const {
  const std::int64_t step = walk_.steps()[0];
  for (std::int64_t row = first, end = first + count; row < end;) {
    const auto s = walk_.segment(row, end);
    const float* from = a + s.offsets[0];
    if (step == 1)
      table_->transpose(from, stride_, to, k_, s.count, k_);
    else
      for (std::int64_t i = 0; i < s.count; ++i)
        for (std::int64_t j = 0; j < k_; ++j) to[i * k_ + j] = from[i * step + j * stride_];
    to += s.count * k_;
    row += s.count;
  }
}

}  // namespace gossamer::kernels
