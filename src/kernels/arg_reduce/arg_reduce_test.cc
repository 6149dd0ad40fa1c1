// The kernels of arg reduce on every level that this machine has, against plain loops.
#include "kernels/arg_reduce/arg_reduce.h"

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

template <class T>
void check(const ArgReduceStep& s, const Strided<T>& x, Strided<std::int64_t> y) {
  Strided<std::int64_t> want = y;
  const auto axis = static_cast<std::size_t>(s.axis);
  for_each_coordinate(y.view, [&](const Coordinates& at) {
    Coordinates from = at;
    if (y.view.rank < x.view.rank) from.insert(from.begin() + s.axis, 0);
    std::int64_t best = 0;
    double found = 0;
    for (std::int64_t j = 0; j < x.view.extents[axis]; ++j) {
      from[axis] = j;
      auto v = static_cast<double>(x[from]);
      if (s.op == ArgReduceOp::min) v = -v;
      if (std::isnan(v)) v = std::numeric_limits<double>::infinity();
      if (j == 0 || v > found || (v == found && s.last)) best = j, found = v;
    }
    want[at] = best;
  });
  for (int parts = 1; parts <= 3; ++parts) {
    const auto p = prepare(s, {{&x.view, 1}, {&y.view, 1}, Level::v2, parts});
    ASSERT_TRUE(p.ok()) << p.status().message();
    run_shares(**p, {x.address()}, {y.address()}, parts);
    expect_near(y, want, 0);
  }
}

TEST(ArgReduce, EveryAxisOpAndLayout) {
  for (ArgReduceOp op : {ArgReduceOp::max, ArgReduceOp::min})
    for (bool last : {false, true})
      for (int axis = 0; axis < 3; ++axis) {
        Coordinates kept = {3, 40, 5}, gone;
        kept[static_cast<std::size_t>(axis)] = 1;
        for (int d = 0; d < 3; ++d)
          if (d != axis) gone.push_back(kept[static_cast<std::size_t>(d)]);
        Strided<float> x({3, 40, 5}, {0, 2, 1});
        fill_uniform(x, 1);
        check({op, axis, last}, x, Strided<std::int64_t>(kept));
        Strided<std::int32_t> ties({3, 40, 5});
        fill_uniform(ties, 2, 0, 4);
        check({op, axis, last}, ties, Strided<std::int64_t>(gone));
      }
}

TEST(ArgReduce, LongLinesTiesAndNan) {
  for (std::int64_t n : {1, 31, 32, 33, 1000}) {
    Strided<float> x({4, n});
    fill_uniform(x, 3, -5, 5);
    for (float& v : x.memory) v = std::round(v);
    check({ArgReduceOp::max, 1, false}, x, Strided<std::int64_t>({4}));
    x[{1, n / 2}] = std::nanf("");
    x[{2, n - 1}] = std::nanf("");
    check({ArgReduceOp::max, 1, false}, x, Strided<std::int64_t>({4}));
    check({ArgReduceOp::min, 1, true}, x, Strided<std::int64_t>({4}));
  }
}

TEST(ArgReduce, EmptyAndRefused) {
  Strided<float> x({0, 4});
  check({ArgReduceOp::max, 1, false}, x, Strided<std::int64_t>(Coordinates{0}));
  Strided<std::int64_t> y({4});
  EXPECT_EQ(prepare(ArgReduceStep{}, {{&x.view, 1}, {&y.view, 1}, Level::v2, 1}).status().code(),
            Code::malformed);
}

}  // namespace
}  // namespace gossamer::kernels
