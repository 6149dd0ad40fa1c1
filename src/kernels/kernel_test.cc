// Views, and how work is shared.
#include "kernels/kernel.h"

#include <gtest/gtest.h>

namespace gossamer::kernels {
namespace {

TEST(View, RowMajorIsDense) {
  const std::int64_t extents[] = {2, 3, 4};
  View v = View::row_major(DType::f32, extents);
  EXPECT_TRUE(v.dense());
  EXPECT_EQ(v.count(), 24);
  EXPECT_EQ(v.strides[0], 12);
  v.strides[0] = 16;
  EXPECT_FALSE(v.dense());
}

TEST(Share, CoversEverythingOnce) {
  for (const std::int64_t count : {0, 1, 7, 64, 1000})
    for (int parts = 1; parts <= 5; ++parts) {
      std::int64_t next = 0;
      for (int p = 0; p < parts; ++p) {
        const Range r = share(count, p, parts, 8);
        EXPECT_EQ(r.begin, next);
        EXPECT_TRUE(r.end == count || r.end % 8 == 0);
        next = r.end;
      }
      EXPECT_EQ(next, count);
    }
}

TEST(Parts, SmallWorkStaysOnOneThread) {
  EXPECT_EQ(worthwhile_parts(500, 8), 1);
  EXPECT_EQ(worthwhile_parts(1e6, 8), 8);
}

}  // namespace
}  // namespace gossamer::kernels
