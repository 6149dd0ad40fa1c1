// The kernels of gather on every level that this machine has, against plain loops.
#include "kernels/gather/gather.h"

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

// A result's element by definition.
template <class T, class I>
T gathered(const GatherStep& s, const Strided<T>& x, const Strided<I>& indices,
           const Coordinates& at) {
  const auto wrapped = [&](const Coordinates& where, std::size_t axis) {
    const std::int64_t i = indices[where];
    return i < 0 ? i + x.view.extents[axis] : i;
  };
  const auto axis = static_cast<std::size_t>(s.axis);
  const auto rank = static_cast<std::size_t>(indices.view.rank);
  Coordinates from = at;
  if (s.mode == GatherMode::along) {
    from[axis] = wrapped(at, axis);
    return x[from];
  }
  const auto begin = at.begin();
  if (s.mode == GatherMode::take) {
    const auto first = begin + s.axis, last = first + indices.view.rank;
    from.assign(begin, first);
    from.push_back(wrapped(Coordinates(first, last), axis));
    from.insert(from.end(), last, at.end());
    return x[from];
  }
  const auto middle = begin + static_cast<std::ptrdiff_t>(rank) - 1;
  from.assign(begin, begin + s.batch);
  for (std::int64_t k = 0; k < indices.view.extents[rank - 1]; ++k) {
    Coordinates where(begin, middle);
    where.push_back(k);
    from.push_back(wrapped(where, from.size()));
  }
  from.insert(from.end(), middle, at.end());
  return x[from];
}

template <class T, class I>
void check(const GatherStep& s, Strided<T> x, const Strided<I>& indices, Strided<T> y) {
  fill_uniform(x, 1, 0, 100);
  Strided<T> want = y;
  for_each_coordinate(want.view,
                      [&](const Coordinates& at) { want[at] = gathered(s, x, indices, at); });
  const View views[] = {x.view, indices.view};
  for (int parts = 1; parts <= 3; ++parts) {
    const auto p = prepare(s, {views, {&y.view, 1}, Level::v2, parts});
    ASSERT_TRUE(p.ok()) << p.status().message();
    std::fill(y.memory.begin(), y.memory.end(), T{});
    run_shares(**p, {x.address(), indices.address()}, {y.address()}, parts);
    expect_near(y, want, 0);
  }
}

template <class I>
Strided<I> some_indices(const Coordinates& extents, std::int64_t below,
                        const std::vector<int>& order = {}) {
  Strided<I> indices(extents, order);
  std::mt19937 random(7);
  for (I& i : indices.memory)
    i = static_cast<I>(static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(2 * below)) -
                       below);
  return indices;
}

TEST(Gather, RowsOfATable) {
  for (std::int64_t width : {0, 1, 7, 384})
    check({}, Strided<float>({30, width}), some_indices<std::int64_t>({2, 5}, 30),
          Strided<float>({2, 5, width}));
  check({}, Strided<float>({30, 16}, {1, 0}), some_indices<std::int32_t>({9}, 30),
        Strided<float>({9, 16}, {}, 3));
}

TEST(Gather, AnyAxisAndType) {
  for (int axis = 0; axis < 3; ++axis) {
    const GatherStep s{GatherMode::take, axis, 0};
    Coordinates extents = {4, 5, 6};
    extents[static_cast<std::size_t>(axis)] = 3;
    check(s, Strided<std::uint8_t>({4, 5, 6}), some_indices<std::int32_t>({3}, 4),
          Strided<std::uint8_t>(extents));
    check(s, Strided<double>({4, 5, 6}, {2, 0, 1}), some_indices<std::int64_t>({3}, 4),
          Strided<double>(extents, {1, 2, 0}));
    extents.erase(extents.begin() + axis);
    check(s, Strided<std::int64_t>({4, 5, 6}), some_indices<std::int64_t>({}, 4),
          Strided<std::int64_t>(extents));
  }
}

TEST(Gather, Along) {
  for (int axis = 0; axis < 3; ++axis) {
    Coordinates extents = {4, 5, 6};
    extents[static_cast<std::size_t>(axis)] = 9;
    check({GatherMode::along, axis, 0}, Strided<float>({4, 5, 6}, {1, 0, 2}),
          some_indices<std::int64_t>(extents, 4, {2, 1, 0}), Strided<float>(extents));
  }
}

TEST(Gather, Coordinates) {
  const Strided<float> x({3, 4, 5, 6}), y;
  check({GatherMode::nd, 0, 0}, x, some_indices<std::int64_t>({7, 2}, 3),
        Strided<float>({7, 5, 6}));
  check({GatherMode::nd, 0, 0}, x, some_indices<std::int64_t>({2, 4}, 3), Strided<float>({2}));
  check({GatherMode::nd, 0, 1}, x, some_indices<std::int32_t>({3, 2, 2}, 4, {2, 0, 1}),
        Strided<float>({3, 2, 6}));
  check({GatherMode::nd, 0, 2}, x, some_indices<std::int64_t>({3, 4, 1}, 5),
        Strided<float>({3, 4, 6}));
}

TEST(Gather, IndicesOutOfRangeAreToldAndHarmless) {
  Strided<float> x({4, 3}), y({2, 3});
  Strided<std::int64_t> indices({2});
  const View views[] = {x.view, indices.view};
  const auto p = prepare(GatherStep{}, {views, {&y.view, 1}, Level::v2, 1});
  ASSERT_TRUE(p.ok());
  EXPECT_TRUE((*p)->needs_verify);
  for (std::int64_t bad : {std::int64_t{4}, std::int64_t{-5}, INT64_MAX, INT64_MIN}) {
    indices.memory = {-4, bad};
    const void* inputs[] = {x.address(), indices.address()};
    void* outputs[] = {y.address()};
    EXPECT_EQ((*p)->verify({inputs, outputs, nullptr}).code(), Code::malformed);
    (*p)->run({inputs, outputs, nullptr}, 0, 1);
  }
  indices.memory = {-4, 3};
  const void* inputs[] = {x.address(), indices.address()};
  EXPECT_TRUE((*p)->verify({inputs, nullptr, nullptr}).ok());
}

TEST(Gather, RefusesContradictions) {
  Strided<float> x({4, 3}), y({2, 4});
  Strided<std::int64_t> indices({2});
  const View views[] = {x.view, indices.view};
  for (const GatherStep& s : {GatherStep{}, GatherStep{GatherMode::along, 0, 0},
                              GatherStep{GatherMode::nd, 0, 0}, GatherStep{GatherMode::take, 2, 0}})
    EXPECT_EQ(prepare(s, {views, {&y.view, 1}, Level::v2, 1}).status().code(), Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
