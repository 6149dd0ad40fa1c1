// Random: one Philox block gives four f32 or two f64 elements.
#include "reference/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gossamer::reference {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

namespace {

using Block = std::array<std::uint32_t, 4>;

// Two independent normal numbers from two uniform ones, the first not 0 (Box and Muller).
std::array<double, 2> normals(double u, double v) {
  const double radius = std::sqrt(-2 * std::log(u));
  const double angle = 2 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::array<float, 4> elements(Distribution d, const Block& b, float) {
  if (d == Distribution::uniform) {
    std::array<float, 4> out;
    for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<float>(b[i] >> 8) * 0x1p-24F;
    return out;
  }
  const auto first = normals((b[0] + 1.0) * 0x1p-32, b[1] * 0x1p-32);
  const auto second = normals((b[2] + 1.0) * 0x1p-32, b[3] * 0x1p-32);
  return {static_cast<float>(first[0]), static_cast<float>(first[1]), static_cast<float>(second[0]),
          static_cast<float>(second[1])};
}

std::array<double, 2> elements(Distribution d, const Block& b, double) {
  auto whole = [&](std::size_t i) {
    return static_cast<double>((std::uint64_t{b[i]} << 32 | b[i + 1]) >> 11);
  };
  if (d == Distribution::uniform) return {whole(0) * 0x1p-53, whole(2) * 0x1p-53};
  return normals((whole(0) + 1) * 0x1p-53, whole(2) * 0x1p-53);
}

template <class T>
Status fill(const RandomAttributes& a, Context& c, std::span<T> y) {
  const std::uint64_t seed = a.fixed ? static_cast<std::uint64_t>(a.seed) : c.seed();
  const std::uint64_t node = a.fixed ? 0 : c.node_number();
  auto low = [](std::uint64_t v) { return static_cast<std::uint32_t>(v); };
  auto high = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  constexpr std::size_t kPerBlock = 16 / sizeof(T);
  for (std::size_t at = 0, block = 0; at < y.size(); at += kPerBlock, ++block) {
    if (block % 65536 == 0) TRY(c.poll());
    const auto e = elements(
        a.distribution,
        philox({low(block), high(block), low(node), high(node)}, {low(seed), high(seed)}), T{});
    std::copy_n(e.begin(), std::min(kPerBlock, y.size() - at),
                y.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return {};
}

}  // namespace

Status random(const RandomAttributes& a, Context& c) {
  if (a.dtype != DType::f32 && a.dtype != DType::f64)
    return malformed("random numbers are f32 or f64");
  const Tensor& extent = c.tensor(0);
  if (extent.dtype() != DType::i64 || extent.rank() != 1 || extent.count() > kMaxRank)
    return malformed("extent is not a shape");
  const Shape shape(extent.values<std::int64_t>());
  if (!shape.checked_count())
    return malformed("cannot make a tensor of shape " + shape.to_string());
  ASSIGN(Tensor * y, c.make(0, a.dtype, shape));
  return a.dtype == DType::f32 ? fill(a, c, y->mutable_values<float>())
                               : fill(a, c, y->mutable_values<double>());
}

}  // namespace gossamer::reference
