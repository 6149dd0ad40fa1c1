// The kernels of top k on every level that this machine has, against plain loops.
#include "kernels/top_k/top_k.h"

#include <algorithm>

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

template <class T>
void check(const TopKStep& s, const Strided<T>& x, std::int64_t k) {
  const auto axis = static_cast<std::size_t>(s.axis);
  Coordinates extents(x.view.extents.begin(), x.view.extents.begin() + x.view.rank);
  const std::int64_t n = extents[axis];
  extents[axis] = k;
  Strided<T> values(extents), want_values = values;
  Strided<std::int64_t> indices(extents), want = indices;
  for_each_coordinate(want.view, [&](const Coordinates& at) {
    Coordinates from = at;
    std::vector<std::pair<double, std::int64_t>> line;
    for (std::int64_t j = 0; j < n; ++j) {
      from[axis] = j;
      const auto v = static_cast<double>(x[from]);
      const double rank = std::isnan(v) ? std::numeric_limits<double>::infinity() : v;
      line.emplace_back(s.largest ? -rank : rank, j);
    }
    std::sort(line.begin(), line.end());
    want[at] = from[axis] = line[static_cast<std::size_t>(at[axis])].second;
    want_values[at] = x[from];
  });
  for (int parts = 1; parts <= 3; ++parts) {
    const View out[] = {values.view, indices.view};
    const auto p = prepare(s, {{&x.view, 1}, out, Level::v2, parts});
    ASSERT_TRUE(p.ok()) << p.status().message();
    run_shares(**p, {x.address()}, {values.address(), indices.address()}, parts);
    expect_near(values, want_values, 0);
    expect_near(indices, want, 0);
  }
}

TEST(TopK, EveryAxisSizeAndTie) {
  for (int axis = 0; axis < 2; ++axis)
    for (bool largest : {false, true})
      for (std::int64_t k : {0, 1, 3, 6}) {
        Strided<float> x({6, 7}, {1, 0});
        fill_uniform(x, 1);
        x[{3, 3}] = std::nanf("");
        check({axis, largest}, x, k);
        Strided<std::int32_t> ties({6, 7});
        fill_uniform(ties, 2, 0, 3);
        check({axis, largest}, ties, k);
      }
}

TEST(TopK, ResultsMayBeLeftOut) {
  Strided<float> x({4});
  x.memory = {1, 4, 2, 3};
  Strided<std::int64_t> indices({2});
  const View out[] = {Strided<float>().view, indices.view};
  const auto p = prepare(TopKStep{}, {{&x.view, 1}, out, Level::v2, 1});
  ASSERT_TRUE(p.ok());
  run_shares(**p, {x.address()}, {nullptr, indices.address()}, 1);
  EXPECT_EQ(indices.memory, (std::vector<std::int64_t>{1, 3}));
  Strided<float> more({5});
  const View many[] = {more.view, Strided<float>().view};
  EXPECT_EQ(prepare(TopKStep{}, {{&x.view, 1}, many, Level::v2, 1}).status().code(),
            Code::malformed);
  Strided<float> three({3});
  const View wrong[] = {three.view, indices.view};
  EXPECT_EQ(prepare(TopKStep{}, {{&x.view, 1}, wrong, Level::v2, 1}).status().code(),
            Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
