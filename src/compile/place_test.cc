// Which movement is a view, and what the view is.
#include "compile/place.h"

#include <gtest/gtest.h>

namespace gossamer::compile {
namespace {

Place row_major_place(const DimVector& extents) {
  Place p;
  p.buffer = 0;
  p.extents = extents;
  p.strides = strides_in_order(extents, row_major(static_cast<int>(extents.size())));
  return p;
}

const Number kLiterals = [](const Extent& e) { return std::optional<Dim>(Dim(e.value)); };

TEST(Place, ChannelsLastOfAnImage) {
  EXPECT_EQ(channels_last(4), (std::vector<int>{0, 2, 3, 1}));
  EXPECT_EQ(channels_last(2), (std::vector<int>{0, 1}));
  const DimVector strides = strides_in_order({1, 8, 5, 7}, channels_last(4));
  EXPECT_EQ(strides, (DimVector{280, 1, 56, 8}));
}

TEST(Place, PermutingChannelsLastToRowMajorIsDense) {
  const Dim h = Dim::symbol("h"), w = Dim::symbol("w");
  Place p = row_major_place({1, 8, h, w});
  p.strides = strides_in_order(p.extents, channels_last(4));
  EXPECT_FALSE(p.dense());
  const std::optional<Place> seen = view_after(p, PermuteStep{{0, 2, 3, 1}}, kLiterals);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->dense());
  EXPECT_EQ(order_of(p), channels_last(4));
}

TEST(Place, SplittingHeadsIsAView) {
  const Dim s = Dim::symbol("s");
  const Place p = row_major_place({2, s, 384});
  std::optional<Place> heads = view_as(p, {2, s, 12, 32});
  ASSERT_TRUE(heads);
  heads = view_after(*heads, PermuteStep{{0, 2, 1, 3}}, kLiterals);
  ASSERT_TRUE(heads);
  EXPECT_EQ(heads->strides[1], Dim(32));
  EXPECT_EQ(heads->strides[2], Dim(384));
  // Merging heads again needs their order in memory: not a view here.
  EXPECT_FALSE(view_as(*heads, {2, s * Dim(384)}));
}

TEST(Place, SlicesStartAtAnOffset) {
  const Place p = row_major_place({4, 10});
  const std::optional<Place> s = view_after(p, SliceStep{1, 2, 9, 3}, kLiterals);
  ASSERT_TRUE(s);
  EXPECT_EQ(s->extents[1], Dim(3));
  EXPECT_EQ(s->strides[1], Dim(3));
  EXPECT_EQ(s->offset, Dim(2));
  const std::optional<Place> reversed = view_after(p, SliceStep{1, -1, -1000, -1}, kLiterals);
  ASSERT_TRUE(reversed);
  EXPECT_EQ(reversed->extents[1], Dim(10));
  EXPECT_EQ(reversed->offset, Dim(9));
  EXPECT_EQ(reversed->strides[1], Dim(-1));
}

TEST(Place, ExpandedAxesHaveStrideZero) {
  const Place p = row_major_place({3, 1});
  const std::optional<Place> e =
      view_after(p, ExpandStep{{Extent(2), Extent(3), Extent(5)}}, kLiterals);
  ASSERT_TRUE(e);
  EXPECT_EQ(e->strides, (DimVector{0, 1, 0}));
  // A repeated axis merges with no other.
  EXPECT_FALSE(view_as(*e, {2, 15}));
}

TEST(Place, ReshapesOfOneElementAxesAreViews) {
  const Dim n = Dim::symbol("n");
  Place p = row_major_place({n, 16, 1, 1});
  p.strides = strides_in_order(p.extents, channels_last(4));
  const std::optional<Place> flat = view_as(p, {n, 16});
  ASSERT_TRUE(flat);
  EXPECT_TRUE(flat->dense());
}

}  // namespace
}  // namespace gossamer::compile
