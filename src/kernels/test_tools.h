// What tests of kernels share: levels of this machine, views in odd layouts over buffers of their
// own, running a prepared step in shares.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "kernels/kernel.h"

namespace gossamer::kernels {

inline std::vector<Level> levels() {
  std::vector<Level> out;
  for (int l = 0; l <= static_cast<int>(cpu_level()); ++l) out.push_back(static_cast<Level>(l));
  return out;
}

// A view and the elements that it looks at. `order`: axes from the outermost in memory; `gap`: so
// many elements between neighbors of the innermost.
template <class T>
struct Box {
  View view;
  std::vector<T> data;
  std::int64_t origin = 0;  // of element 0 in data

  Box(std::vector<std::int64_t> extents, std::vector<int> order = {}, std::int64_t gap = 1,
      std::vector<int> broadcast = {}) {
    view.dtype = dtype_of<T>;
    view.rank = static_cast<int>(extents.size());
    std::int64_t step = gap;
    for (std::size_t i = extents.size(); i-- > 0;) {
      const auto a = order.empty() ? i : static_cast<std::size_t>(order[i]);
      view.extents[a] = extents[a];
      view.strides[a] = step;
      bool repeats = false;
      for (const int b : broadcast) repeats = repeats || static_cast<std::size_t>(b) == a;
      if (repeats)
        view.strides[a] = 0;
      else
        step *= std::max<std::int64_t>(extents[a], 1);
    }
    data.resize(static_cast<std::size_t>(step) + 1);
  }

  void* address() { return data.data() + origin; }
  std::int64_t offset(std::int64_t i) const {
    std::int64_t at = origin;
    for (int a = view.rank; a-- > 0;) {
      const auto k = static_cast<std::size_t>(a);
      at += i % view.extents[k] * view.strides[k];
      i /= view.extents[k];
    }
    return at;
  }
  // Element number i, counted row-major.
  T& operator[](std::int64_t i) { return data[static_cast<std::size_t>(offset(i))]; }
  std::int64_t count() const { return view.count(); }
  // Walks an axis from its end.
  void flip(int axis) {
    const auto a = static_cast<std::size_t>(axis);
    if (view.extents[a] == 0) return;
    origin += (view.extents[a] - 1) * view.strides[a];
    view.strides[a] = -view.strides[a];
  }
};

inline void fill_uniform(std::vector<float>& v, std::uint32_t seed, float low = -4,
                         float high = 4) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  for (float& x : v) x = uniform(random);
}

// Runs a step in `parts` shares, each with a workspace of its own.
template <class Step>
void run_step(const Step& step, std::vector<View> inputs, std::vector<View> outputs,
              std::vector<const void*> in, std::vector<void*> out, Level level, int parts = 1) {
  const Shapes shapes{inputs, outputs, level, 16};
  const Result<PreparedPtr> prepared = prepare(step, shapes);
  ASSERT_TRUE(prepared.ok()) << prepared.status().message();
  for (int p = parts; p-- > 0;) {
    std::vector<std::byte> memory((*prepared)->workspace + 64, std::byte{0xA5});
    auto* aligned = reinterpret_cast<std::byte*>(
        (reinterpret_cast<std::uintptr_t>(memory.data()) + 63) / 64 * 64);
    (*prepared)->run({in.data(), out.data(), aligned}, p, parts);
  }
}

}  // namespace gossamer::kernels
