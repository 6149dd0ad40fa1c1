// The kernels of cumulate on every level that this machine has, against plain loops.
#include "kernels/cumulate/cumulate.h"

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

template <class T>
void check(const CumulateStep& s, const Strided<T>& x, Strided<T> y) {
  Strided<T> want = y;
  const auto axis = static_cast<std::size_t>(s.axis);
  for_each_coordinate(x.view, [&](const Coordinates& at) {
    const std::int64_t n = x.view.extents[axis];
    double total = s.op == CumulateOp::sum ? 0 : 1;
    Coordinates from = at;
    for (std::int64_t j = 0; j < n; ++j) {
      const bool before = s.reverse ? j > at[axis] : j < at[axis];
      if (!before && !(j == at[axis] && !s.exclusive)) continue;
      from[axis] = j;
      const auto v = static_cast<double>(x[from]);
      total = s.op == CumulateOp::sum ? total + v : total * v;
    }
    want[at] = static_cast<T>(total);
  });
  for (int parts = 1; parts <= 3; ++parts) {
    const auto p = prepare(s, {{&x.view, 1}, {&y.view, 1}, Level::v2, parts});
    ASSERT_TRUE(p.ok()) << p.status().message();
    run_shares(**p, {x.address()}, {y.address()}, parts);
    expect_near(y, want, 1e-5);
  }
}

TEST(Cumulate, EveryAxisAndOption) {
  for (CumulateOp op : {CumulateOp::sum, CumulateOp::prod})
    for (int axis = 0; axis < 3; ++axis)
      for (bool exclusive : {false, true})
        for (bool reverse : {false, true}) {
          const CumulateStep s{op, axis, exclusive, reverse};
          Strided<float> x({3, 4, 5}, {2, 0, 1});
          fill_uniform(x, 1);
          check(s, x, Strided<float>({3, 4, 5}));
          Strided<std::int64_t> z({3, 0, 5});
          check(s, z, z);
          Strided<std::int32_t> i({3, 4, 5});
          fill_uniform(i, 2, -9, 9);
          check(s, i, i);
        }
}

TEST(Cumulate, InPlaceAndRefused) {
  Strided<float> x({3});
  x.memory = {1, 2, 3};
  const CumulateStep s;
  const auto p = prepare(s, {{&x.view, 1}, {&x.view, 1}, Level::v2, 1});
  ASSERT_TRUE(p.ok());
  run_shares(**p, {x.address()}, {x.address()}, 1);
  EXPECT_EQ(x.memory, (std::vector<float>{1, 3, 6}));
  Strided<float> y({4});
  EXPECT_EQ(prepare(s, {{&x.view, 1}, {&y.view, 1}, Level::v2, 1}).status().code(), Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
