// Shape: the extents of a tensor, row-major, outermost first. Rank 0 is a scalar.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace gossamer {

inline constexpr int kMaxRank = 32;

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}
  explicit Shape(std::span<const std::int64_t> dims) : dims_(dims.begin(), dims.end()) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i)]; }
  std::int64_t& operator[](int i) { return dims_[static_cast<std::size_t>(i)]; }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  std::vector<std::int64_t>& dims() { return dims_; }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }
  bool operator==(const Shape&) const = default;

  // Product of the extents in [first, last); the shape must have passed checked_count.
  std::int64_t count(int first, int last) const;
  std::int64_t count() const { return count(0, rank()); }
  // Product of the extents, or nothing when an extent is negative or the product overflows 2^62.
  std::optional<std::int64_t> checked_count() const;
  // Row-major strides in elements.
  std::vector<std::int64_t> strides() const;
  std::string to_string() const;  // "[1,3,224,224]"

 private:
  std::vector<std::int64_t> dims_;
};

// Two-way numpy broadcast of shapes; fails (usage) when extents differ and neither is 1.
Result<Shape> broadcast(const Shape& a, const Shape& b);
// Strides for reading a tensor of `shape` as if it had the (broadcast) `target` shape: 0 where it
// is repeated.
std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& target);
// Maps a possibly negative axis into [0, rank); fails (malformed) when it is out of range.
Result<int> normalize_axis(std::int64_t axis, int rank);

// a*b and a+b of sizes, or nothing on overflow of int64.
std::optional<std::int64_t> checked_mul(std::int64_t a, std::int64_t b);
std::optional<std::int64_t> checked_add(std::int64_t a, std::int64_t b);

}  // namespace gossamer
