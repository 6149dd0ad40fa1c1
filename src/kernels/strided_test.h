// For tests: tensors with any strides, and running a prepared step in every number of shares.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/kernel.h"

namespace gossamer::kernels {

using Coordinates = std::vector<std::int64_t>;

// A tensor in memory of its own. `order` lists the axes from outermost to innermost in memory
// (empty: row-major); `gap` elements are left unused after each innermost run.
template <class T>
struct Strided {
  View view;
  std::vector<T> memory;
  std::int64_t origin = 0;

  Strided() { view.rank = -1; }
  explicit Strided(const Coordinates& extents, std::vector<int> order = {}, std::int64_t gap = 0) {
    view = View::row_major(dtype_of<T>, extents);
    const int rank = view.rank;
    if (order.empty())
      for (int d = 0; d < rank; ++d) order.push_back(d);
    std::int64_t step = 1;
    for (int i = rank; i-- > 0;) {
      const auto d = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
      view.strides[d] = step;
      step *= std::max<std::int64_t>(view.extents[d], 1);
      if (i == rank - 1) step += gap;
    }
    memory.resize(static_cast<std::size_t>(step));
  }
  // Runs an axis backwards.
  Strided& flip(std::size_t d) {
    if (view.extents[d] == 0) return *this;
    origin += (view.extents[d] - 1) * view.strides[d];
    view.strides[d] = -view.strides[d];
    return *this;
  }
  // Not for bool, whose vector has no addresses.
  const T* address() const { return view.rank < 0 ? nullptr : memory.data() + origin; }
  T* address() { return view.rank < 0 ? nullptr : memory.data() + origin; }
  std::int64_t offset(const Coordinates& at) const {
    std::int64_t o = origin;
    for (std::size_t d = 0; d < at.size(); ++d) o += at[d] * view.strides[d];
    return o;
  }
  const T& operator[](const Coordinates& at) const {
    return memory[static_cast<std::size_t>(offset(at))];
  }
  T& operator[](const Coordinates& at) { return memory[static_cast<std::size_t>(offset(at))]; }
};

// Calls f(coordinates) for every coordinate in row-major order.
template <class F>
void for_each_coordinate(const View& v, F&& f) {
  const std::int64_t count = v.count();
  Coordinates at(static_cast<std::size_t>(v.rank), 0);
  for (std::int64_t n = 0; n < count; ++n) {
    f(static_cast<const Coordinates&>(at));
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < v.extents[d]) break;
      at[d] = 0;
    }
  }
}

template <class T>
void fill_uniform(Strided<T>& t, std::uint32_t seed, double low = -1, double high = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> values(low, high);
  for (T& v : t.memory) v = static_cast<T>(values(random));
}

inline std::vector<Level> levels_here() {
  std::vector<Level> levels;
  for (int i = 0; i <= static_cast<int>(cpu_level()); ++i) levels.push_back(static_cast<Level>(i));
  return levels;
}

// Runs a step in `parts` shares, each with a workspace of its own.
inline void run_shares(const Prepared& step, std::vector<const void*> inputs,
                       std::vector<void*> outputs, int parts) {
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  for (int part = parts; part-- > 0;) {
    std::vector<Line> room(step.workspace / 64 + 1);
    step.run({inputs.data(), outputs.data(), room.front().bytes}, part, parts);
  }
}

// Expects `got` to equal `want` within `tolerance` relative to the larger of 1 and its magnitude;
// NaN only where NaN is wanted.
template <class T>
void expect_near(const Strided<T>& got, const Strided<T>& want, double tolerance) {
  std::int64_t bad = 0;
  for_each_coordinate(want.view, [&](const Coordinates& at) {
    const auto g = static_cast<double>(got[at]), w = static_cast<double>(want[at]);
    const bool same = g == w || (std::isnan(g) && std::isnan(w)) ||
                      std::abs(g - w) <= tolerance * std::max(1.0, std::abs(w));
    if (same || ++bad > 3) return;
    std::string where;
    for (std::int64_t i : at) where += " " + std::to_string(i);
    ADD_FAILURE() << "at" << where << ": " << g << " instead of " << w;
  });
  EXPECT_EQ(bad, 0);
}

}  // namespace gossamer::kernels
