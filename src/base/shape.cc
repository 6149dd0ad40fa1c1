// Arithmetic on shapes: counts, strides, broadcasting, axes.
#include "base/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace gossamer {
namespace {

constexpr std::int64_t kMaxCount = std::int64_t{1} << 62;

}  // namespace

std::optional<std::int64_t> checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

std::int64_t Shape::count(int first, int last) const {
  std::int64_t product = 1;
  for (int i = first; i < last; ++i) product *= (*this)[i];
  return product;
}

std::optional<std::int64_t> Shape::checked_count() const {
  // Zeros are left out of the product so that the count of every part of the shape is safe, too.
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t extent : dims_) {
    if (extent < 0) return std::nullopt;
    if (extent == 0) {
      empty = true;
      continue;
    }
    const std::optional<std::int64_t> next = checked_mul(product, extent);
    if (!next || *next > kMaxCount) return std::nullopt;
    product = *next;
  }
  return empty ? 0 : product;
}

std::vector<std::int64_t> Shape::strides() const {
  std::vector<std::int64_t> strides(dims_.size());
  std::int64_t stride = 1;
  for (std::size_t i = dims_.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= dims_[i];
  }
  return strides;
}

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(dims_, ",")); }

Result<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  Shape result = longer;
  const int lead = longer.rank() - shorter.rank();
  for (int i = 0; i < shorter.rank(); ++i) {
    std::int64_t& extent = result[lead + i];
    if (extent == shorter[i] || shorter[i] == 1) continue;
    if (extent != 1) {
      return usage_error(fmt::format("shapes {} and {} do not broadcast: extents {} and {} differ",
                                     a.to_string(), b.to_string(), longer[lead + i], shorter[i]),
                         "extents aligned from the right must be equal, or one of them 1");
    }
    extent = shorter[i];
  }
  return result;
}

std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& target) {
  const std::vector<std::int64_t> own = shape.strides();
  std::vector<std::int64_t> strides(static_cast<std::size_t>(target.rank()), 0);
  const std::size_t lead = strides.size() - own.size();
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (shape.dims()[i] == target.dims()[lead + i]) strides[lead + i] = own[i];
  }
  return strides;
}

Result<int> normalize_axis(std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    return malformed(fmt::format("axis {} is out of range for rank {}", axis, rank),
                     rank == 0
                         ? "a scalar has no axes"
                         : fmt::format("axes of rank {} run from {} to {}", rank, -rank, rank - 1));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace gossamer
