// The kernels of scatter on every level that this machine has, against plain loops.
#include "kernels/scatter/scatter.h"

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

template <class T>
T combined(ScatterCombine how, T x, T u) {
  if (how == ScatterCombine::add) return static_cast<T>(x + u);
  if (how == ScatterCombine::mul) return static_cast<T>(x * u);
  if (how == ScatterCombine::max) return std::max(x, u);
  return how == ScatterCombine::min ? std::min(x, u) : u;
}

template <class T>
void check(const ScatterStep& s, Strided<T> data, const Strided<std::int64_t>& indices,
           Strided<T> updates) {
  fill_uniform(data, 1, 0, 9);
  fill_uniform(updates, 2, 0, 9);
  Strided<T> want = data;
  for_each_coordinate(updates.view, [&](const Coordinates& at) {
    Coordinates to = at;
    if (s.mode == ScatterMode::along) {
      const auto axis = static_cast<std::size_t>(s.axis);
      to[axis] = indices[at] + (indices[at] < 0 ? data.view.extents[axis] : 0);
    } else {
      const auto last = at.begin() + indices.view.rank - 1;
      to.clear();
      for (std::int64_t k = 0; k < indices.view.extents[std::size_t(indices.view.rank - 1)]; ++k) {
        Coordinates where(at.begin(), last);
        where.push_back(k);
        const std::int64_t i = indices[where];
        to.push_back(i < 0 ? i + data.view.extents[to.size()] : i);
      }
      to.insert(to.end(), last, at.end());
    }
    want[to] = combined(s.combine, want[to], updates[at]);
  });
  const View in[] = {data.view, indices.view, updates.view};
  Strided<T> y(Coordinates(data.view.extents.begin(), data.view.extents.begin() + data.view.rank));
  const auto p = prepare(s, {in, {&y.view, 1}, Level::v2, 2});
  ASSERT_TRUE(p.ok()) << p.status().message();
  run_shares(**p, {data.address(), indices.address(), updates.address()}, {y.address()}, 1);
  expect_near(y, want, 1e-6);
  const auto same = prepare(s, {in, {&data.view, 1}, Level::v2, 1});
  ASSERT_TRUE(same.ok());
  run_shares(**same, {data.address(), indices.address(), updates.address()}, {data.address()}, 1);
  expect_near(data, want, 1e-6);
}

Strided<std::int64_t> some_indices(const Coordinates& extents, std::int64_t below) {
  Strided<std::int64_t> indices(extents);
  std::mt19937 random(7);
  for (std::int64_t& i : indices.memory)
    i = static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(2 * below)) - below;
  return indices;
}

TEST(Scatter, AlongAndByCoordinates) {
  for (int how = 0; how < 5; ++how) {
    const auto combine = static_cast<ScatterCombine>(how);
    for (int axis = 0; axis < 2; ++axis) {
      const ScatterStep s{ScatterMode::along, axis, combine};
      check(s, Strided<float>({4, 5}, {1, 0}), some_indices({3, 4}, 4), Strided<float>({3, 4}));
      check(s, Strided<std::int64_t>({4, 5}), some_indices({2, 5}, 4),
            Strided<std::int64_t>({2, 5}, {1, 0}));
    }
    const ScatterStep s{ScatterMode::nd, 0, combine};
    check(s, Strided<float>({4, 5, 6}), some_indices({7, 2}, 4), Strided<float>({7, 6}));
    check(s, Strided<std::uint8_t>({4, 5}), some_indices({2, 3, 2}, 4),
          Strided<std::uint8_t>({2, 3}));
    check(s, Strided<double>({4, 5}), some_indices({0, 1}, 4), Strided<double>({0, 5}));
  }
}

TEST(Scatter, IndicesOutOfRangeAreToldAndHarmless) {
  Strided<float> data({4}), updates({2});
  Strided<std::int64_t> indices({2});
  indices.memory = {3, 4};
  const View in[] = {data.view, indices.view, updates.view};
  const auto p = prepare(ScatterStep{}, {in, {&data.view, 1}, Level::v2, 1});
  ASSERT_TRUE(p.ok());
  const void* inputs[] = {data.address(), indices.address(), updates.address()};
  EXPECT_EQ((*p)->verify({inputs, nullptr, nullptr}).code(), Code::malformed);
  run_shares(**p, std::vector<const void*>(inputs, inputs + 3), {data.address()}, 1);
  indices.memory = {3, -4};
  EXPECT_TRUE((*p)->verify({inputs, nullptr, nullptr}).ok());
  const View wrong[] = {data.view, indices.view, indices.view};
  EXPECT_EQ(prepare(ScatterStep{}, {wrong, {&data.view, 1}, Level::v2, 1}).status().code(),
            Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
