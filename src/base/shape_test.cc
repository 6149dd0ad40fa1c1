// Counts, strides, broadcasting and axes, at their limits too.
#include "base/shape.h"

#include <gtest/gtest.h>

#include <limits>

namespace gossamer {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(Shape, CountStridesAndText) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.count(), 24);
  EXPECT_EQ(s.count(1, 3), 12);
  EXPECT_EQ(s.count(3, 3), 1);
  EXPECT_EQ(s.strides(), (std::vector<std::int64_t>{12, 4, 1}));
  EXPECT_EQ(s.to_string(), "[2,3,4]");
  EXPECT_EQ(Shape{}.to_string(), "[]");
  EXPECT_EQ(Shape{}.count(), 1);
  EXPECT_EQ(Shape{}.checked_count(), 1);
}

TEST(Shape, CheckedCountRefusesNegativeAndHuge) {
  constexpr std::int64_t kHalf = std::int64_t{1} << 31;
  EXPECT_EQ((Shape{kHalf, kHalf}).checked_count(), std::int64_t{1} << 62);
  EXPECT_FALSE((Shape{kHalf, kHalf, 2}).checked_count());
  EXPECT_FALSE((Shape{kMax, kMax}).checked_count());
  EXPECT_FALSE((Shape{2, -1}).checked_count());
  EXPECT_FALSE((Shape{0, -1}).checked_count());
  EXPECT_EQ((Shape{5, 0, 7}).checked_count(), 0);
  // Strides of it would overflow.
  EXPECT_FALSE((Shape{0, kMax, kMax}).checked_count());
}

TEST(Shape, Broadcast) {
  EXPECT_EQ(*broadcast({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(*broadcast({3, 1}, {2, 1, 4}), (Shape{2, 3, 4}));
  EXPECT_EQ(*broadcast({}, {5}), (Shape{5}));
  EXPECT_EQ(*broadcast({1}, {0}), (Shape{0}));
  const Result<Shape> bad = broadcast({2, 3}, {4, 3});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), Code::usage);
  EXPECT_EQ(bad.status().message(),
            "shapes [2,3] and [4,3] do not broadcast: extents 2 and 4 differ");
  EXPECT_FALSE(broadcast({0}, {3}).ok());
}

TEST(Shape, BroadcastStridesAreZeroWhereRepeated) {
  EXPECT_EQ(broadcast_strides({3, 1}, {2, 3, 4}), (std::vector<std::int64_t>{0, 1, 0}));
  EXPECT_EQ(broadcast_strides({}, {2, 3}), (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(broadcast_strides({2, 3}, {2, 3}), (std::vector<std::int64_t>{3, 1}));
}

TEST(Shape, NormalizeAxis) {
  EXPECT_EQ(*normalize_axis(-1, 3), 2);
  EXPECT_EQ(*normalize_axis(-3, 3), 0);
  EXPECT_EQ(*normalize_axis(2, 3), 2);
  for (const std::int64_t axis : {std::int64_t{3}, std::int64_t{-4}, kMin, kMax}) {
    const Result<int> bad = normalize_axis(axis, 3);
    ASSERT_FALSE(bad.ok());
    EXPECT_EQ(bad.status().code(), Code::malformed);
  }
  EXPECT_FALSE(normalize_axis(0, 0).ok());
}

TEST(Shape, CheckedArithmetic) {
  EXPECT_EQ(checked_mul(3, -4), -12);
  EXPECT_FALSE(checked_mul(kMin, -1));
  EXPECT_FALSE(checked_mul(kMax, 2));
  EXPECT_EQ(checked_add(kMax, -1), kMax - 1);
  EXPECT_FALSE(checked_add(kMax, 1));
}

}  // namespace
}  // namespace gossamer
