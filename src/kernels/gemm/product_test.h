// What the tests of products share: tensors with odd strides, running a step in shares, an
// epilogue.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/program.h"

namespace gossamer::kernels {

inline std::vector<Level> levels_here() {
  std::vector<Level> out;
  for (const Level level : {Level::v2, Level::v3, Level::v4})
    if (level <= cpu_level()) out.push_back(level);
  return out;
}

// How the axes of a test's tensor lie in memory: `order` lists them from the outermost inward,
// each row of the innermost followed by `gap` unused elements.
struct TestLayout {
  std::vector<std::int64_t> order;
  std::int64_t gap = 0;
};

// An f32 tensor between guards that no one may touch.
struct TestTensor {
  View view;
  std::vector<float> memory;

  static constexpr float kGuard = -12345;
  static constexpr std::size_t kGuards = 16;

  TestTensor(const std::vector<std::int64_t>& extents, const TestLayout& layout = {}) {
    view = View::row_major(DType::f32, extents);
    std::int64_t step = 1;
    if (!layout.order.empty())
      for (std::size_t i = layout.order.size(); i-- > 0;) {
        const auto axis = static_cast<std::size_t>(layout.order[i]);
        view.strides[axis] = step;
        step *= extents[axis] + (i + 1 == layout.order.size() ? layout.gap : 0);
      }
    else
      step = view.count();
    memory.assign(static_cast<std::size_t>(step) + 2 * kGuards, kGuard);
  }

  float* data() { return memory.data() + kGuards; }
  const float* data() const { return memory.data() + kGuards; }
  std::int64_t offset(std::int64_t index) const {
    std::int64_t at = 0;
    for (int a = view.rank; a-- > 0;) {
      const auto i = static_cast<std::size_t>(a);
      at += index % view.extents[i] * view.strides[i];
      index /= view.extents[i];
    }
    return at;
  }
  // The element of that number in row-major order.
  float& at(std::int64_t index) { return data()[offset(index)]; }
  float at(std::int64_t index) const { return data()[offset(index)]; }
  void fill(std::uint32_t seed) {
    for (std::int64_t i = 0; i < view.count(); ++i) {
      seed = seed * 1664525 + 1013904223;
      at(i) = static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1;
    }
  }
  // The same elements, that axis repeated `extent` times.
  View repeated(std::size_t axis, std::int64_t extent) const {
    View v = view;
    v.extents[axis] = extent;
    v.strides[axis] = 0;
    return v;
  }
};

// Runs all shares of a step, one after the other, the last first.
inline void run_shares(const Prepared& step, const std::vector<const void*>& inputs, void* output,
                       int parts) {
  std::vector<float> workspace(step.workspace / sizeof(float) + 32, NAN);
  auto base = reinterpret_cast<std::uintptr_t>(workspace.data());
  base = (base + 63) / 64 * 64;
  Addresses addresses;
  addresses.inputs = inputs.data();
  addresses.outputs = &output;
  addresses.workspace = reinterpret_cast<std::byte*>(base);
  parts = std::min(parts, step.parts);
  for (int p = parts; p-- > 0;) step.run(addresses, p, parts);
}

// x * operand 0 + operand 1 or x * 2 + operand 0: what epilogues in tests compute.
inline VectorProgram test_epilogue(int operands) {
  VectorBuilder b;
  using Value = VectorBuilder::Value;
  const Value x = *b.input(DType::f32);
  Value factor = operands == 2 ? *b.input(DType::f32)
                               : *b.constant(DType::f32, std::bit_cast<std::uint32_t>(2.0f));
  const Value mul[] = {x, factor};
  Value y = *b.emit("mul", DType::f32, mul);
  if (operands > 0) {
    const Value add[] = {y, *b.input(DType::f32)};
    y = *b.emit("add", DType::f32, add);
  }
  const Value results[] = {y};
  return *b.finish(results);
}

// x + operand 0, or the larger of that and 1/4: what tiles do themselves.
inline constexpr int kSum = 3, kBoundedSum = 4;  // numbers of epilogues
inline VectorProgram sum_epilogue(int epilogue) {
  VectorBuilder b;
  using Value = VectorBuilder::Value;
  const Value add[] = {*b.input(DType::f32), *b.input(DType::f32)};
  const Value sum = *b.emit("add", DType::f32, add);
  const Value bounded[] = {sum, *b.constant(DType::f32, std::bit_cast<std::uint32_t>(0.25f))};
  const Value results[] = {epilogue == kBoundedSum ? *b.emit("max", DType::f32, bounded) : sum};
  return *b.finish(results);
}

// Whether y holds `expected` (row-major, absolute tolerance), and nothing beside y was written.
inline void expect_near(const TestTensor& y, const std::vector<double>& expected, double tolerance,
                        const std::string& what) {
  std::vector<char> used(y.memory.size(), 0);
  int wrong = 0;
  for (std::int64_t i = 0; i < y.view.count(); ++i) {
    used[static_cast<std::size_t>(y.offset(i)) + TestTensor::kGuards] = 1;
    const double e = expected[static_cast<std::size_t>(i)];
    if (!(std::abs(y.at(i) - e) <= tolerance) && !(std::isnan(e) && std::isnan(y.at(i))) &&
        ++wrong < 4)
      ADD_FAILURE() << what << ": element " << i << " is " << y.at(i) << ", not " << e;
  }
  EXPECT_EQ(wrong, 0) << what;
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i] && y.memory[i] != TestTensor::kGuard) {
      ADD_FAILURE() << what << ": wrote beside y at " << i;
      return;
    }
}

}  // namespace gossamer::kernels
