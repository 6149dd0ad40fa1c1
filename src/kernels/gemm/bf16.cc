// Pairs of bf16: which tiles they take, when that pays, and weights as pairs.
#include "kernels/gemm/bf16.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

namespace gossamer::kernels {
namespace {

bool has_dots() {
#if defined(__x86_64__)
  static const bool has = __builtin_cpu_supports("avx512bf16") != 0;
  return has;
#else
  return false;
#endif
}

// Seconds of a tile over data in cache, at best.
double tile_time(const GemmTable& table) {
  constexpr std::int64_t kSteps = 128;
  const int panels = kMaxPanels, height = table.height[panels - 1];
  const std::vector<float> a(kSteps * kMaxHeight), b(kSteps * kPanel * kMaxPanels);
  std::vector<float> y(kMaxHeight * kPanel * kMaxPanels);
  const float* rows[kMaxHeight];
  float* out[kMaxHeight];
  for (int i = 0; i < height; ++i) {
    rows[i] = a.data() + i * kSteps;
    out[i] = y.data() + i * kPanel * kMaxPanels;
  }
  const std::int64_t at = 0;
  GemmTile t;
  t.rows = rows;
  t.at = &at;
  t.runs = 1;
  t.steps = kSteps;
  t.panels = b.data();
  t.panel = kSteps * kPanel;
  t.out = out;
  t.columns = kPanel * panels;
  t.ahead = reinterpret_cast<const char*>(b.data());
  double best = 1;
  for (int round = 0; round < 20; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 8; ++i) table.tile[panels - 1][height - 1](t);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
  }
  return best;
}

bool measure_whether_it_pays() {
  if (!has_dots() || active_level() != Level::v4) return false;
  // A tile of pairs does twice the work.
  return 2 * tile_time(gemm_table(Level::v4)) > 1.4 * tile_time(pair_table(Level::v4));
}

}  // namespace

const GemmTable& pair_table(Level level) {
  return gemm_tables(level == Level::v4 && !has_dots() ? Level::v3 : level).pairs;
}

bool bf16_pays() {
  static const bool pays = measure_whether_it_pays();
  return pays;
}

Result<View> as_pairs(const View& view, int axis) {
  View v = view;
  const auto a = static_cast<std::size_t>(axis);
  bool fits = v.dtype == DType::bf16 && v.extents[a] % 2 == 0 && v.strides[a] == 1;
  for (std::size_t i = 0; i < static_cast<std::size_t>(v.rank); ++i) {
    if (i == a) continue;
    if (v.extents[i] <= 1) v.strides[i] = 0;
    fits = fits && v.strides[i] % 2 == 0;
    v.strides[i] /= 2;
  }
  v.extents[a] /= 2;
  v.dtype = DType::f32;
  if (!fits) return internal_error("bf16: pairs do not lie side by side");
  return v;
}

std::uint16_t bf16_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

std::vector<float> pairs_of(const float* w, std::int64_t outer, std::int64_t pairs,
                            std::int64_t inner) {
  std::vector<float> to;
  to.reserve(static_cast<std::size_t>(outer * pairs * inner));
  for (std::int64_t p = 0; p < outer * pairs; ++p, w += 2 * inner)
    for (std::int64_t i = 0; i < inner; ++i)
      to.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bf16_of(w[i])) |
                                        static_cast<std::uint32_t>(bf16_of(w[i + inner])) << 16));
  return to;
}

}  // namespace gossamer::kernels
