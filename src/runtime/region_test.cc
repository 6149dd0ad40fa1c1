// Branches and loops: regions with frames of their own.
#include <gtest/gtest.h>

#include "reference/if.h"
#include "reference/loop.h"
#include "runtime/test_program.h"

namespace gossamer::runtime::testing {
namespace {

Program scaled(float factor, float bias = 0) {
  Maker m;
  const Register n = m.extent(0, 0);
  const SlotId x = m.input("x", {n});
  const SlotId a = m.arena({n}, 0, 1);
  m.scale(x, a, {.factor = factor});
  m.scale(a, m.output("y", {n}), {.bias = bias});
  return std::move(m.program);
}

// y = cond ? 2x + 1 : x, of the other branch what it was given.
std::shared_ptr<const Program> branch() {
  Maker m;
  const Register n = m.extent(1, 0);
  const SlotId cond = m.input("cond", {}, DType::boolean);
  const SlotId x = m.input("x", {n});
  const SlotId a = m.arena({n}, 0, 1);
  m.scale(x, a, {});
  const std::int32_t then = m.region(scaled(2, 1));
  Maker other;
  const SlotId same = other.input("x", {other.extent(0, 0)});
  other.output_of("x", same);
  const std::int32_t otherwise = m.region(std::move(other.program));
  const SlotId b = m.arena({n}, 1, 2);
  m.step("reference.if", IfAttributes{}, {cond, a}, {b}, {then, otherwise});
  m.scale(b, m.output("y", {n}), {});
  return m.share();
}

TEST(Regions, OfABranch) {
  const auto session = open(branch());
  for (const std::int64_t n : {3, 5, 3})
    for (const bool cond : {true, false}) {
      const std::vector<Value> in = {Tensor::scalar<bool>(cond), iota({n})};
      auto y = session->run(in);
      ASSERT_TRUE(y.ok()) << y.status().message();
      for (std::int64_t i = 0; i < n; ++i)
        EXPECT_EQ(to_vector((*y)[0])[static_cast<std::size_t>(i)],
                  static_cast<float>(cond ? 2 * i + 1 : i));
    }
  EXPECT_GT(session->arena_bytes(), 0);
}

// x doubled `trips` times, each state stacked; then once more in an inner loop.
std::shared_ptr<const Program> loops(bool value_result) {
  Maker body;
  {
    const Register n = body.extent(0, 0);
    const SlotId x = body.input("x", {n});
    const SlotId a = body.arena({n}, 0, 2);
    body.scale(x, a, {.factor = 2});
    const SlotId two = body.constant(Tensor::scalar<std::int64_t>(2));
    const SlotId y = body.output("y", {n});
    LoopAttributes inner;
    inner.carried = 1;
    body.step("reference.loop", inner, {two, kNoSlot, a}, {y}, {body.region(scaled(1, 1))});
    body.output_of("stacked", a);
  }
  Maker m;
  const Register n = m.extent(1, 0);
  const SlotId trips = m.input("trips", {}, DType::i64);
  const SlotId x = m.input("x", {n});
  const std::int32_t region = m.region(std::move(body.program));
  LoopAttributes a;
  a.carried = 1;
  a.stacked_axes = {0};
  a.stacked_reversed = {false};
  a.stacked_dtypes = {DType::f32};
  a.stacked_extents = {{-1}};
  const SlotId last = value_result ? m.value({n}, 0, 1) : m.arena({n}, 0, 1);
  const SlotId all = m.value({n, n}, 0, 1);
  m.program.slots[static_cast<std::size_t>(all)].extents[0] = m.late(all, 0);
  m.step("reference.loop", a, {trips, kNoSlot, x}, {last, all}, {region});
  m.scale(last, m.output("last", {n}), {});
  m.output_of("all", all);
  return m.share();
}

TEST(Regions, OfLoopsWithinLoops) {
  for (const bool value_result : {false, true}) {
    const auto session = open(loops(value_result));
    for (int k = 0; k < 2; ++k) {
      const std::vector<Value> in = {Tensor::scalar<std::int64_t>(3), floats({2}, {1, 10})};
      auto y = session->run(in);
      ASSERT_TRUE(y.ok()) << y.status().message();
      // 1 -> 2 (+2) 4 -> 8 (+2) 10 -> 20 (+2) 22
      EXPECT_EQ(to_vector((*y)[0]), (std::vector<float>{22, 94}));
      EXPECT_EQ(to_vector((*y)[1]), (std::vector<float>{2, 20, 8, 44, 20, 92}));
      EXPECT_EQ((*y)[1].tensor.shape(), (Shape{3, 2}));
    }
    const std::vector<Value> none = {Tensor::scalar<std::int64_t>(0), floats({2}, {1, 10})};
    auto y = session->run(none);
    ASSERT_TRUE(y.ok()) << y.status().message();
    EXPECT_EQ(to_vector((*y)[0]), (std::vector<float>{1, 10}));
    EXPECT_EQ((*y)[1].tensor.shape(), (Shape{0, 2}));
  }
}

TEST(Regions, CountTheirSteps) {
  SessionOptions options;
  options.max_steps = 100;
  const auto session = open(loops(false), options);
  const std::vector<Value> in = {Tensor::scalar<std::int64_t>(1000), floats({2}, {1, 10})};
  EXPECT_EQ(session->run(in).status().code(), Code::limit);
}

TEST(Regions, ShowInProfiles) {
  const auto session = open(branch());
  std::vector<StepTime> profile;
  const std::vector<Value> in = {Tensor::scalar<bool>(true), iota({3})};
  ASSERT_TRUE(session->run(in, {.profile = &profile}).ok());
  ASSERT_EQ(profile.size(), 5U);
  EXPECT_EQ(profile[1].depth, 1);
  EXPECT_EQ(profile[3].step->operation->name, "reference.if");
}

// Two carried values that change places.
TEST(Regions, MayHandTheirInputsThrough) {
  Maker body;
  const SlotId p = body.input("p", {body.extent(0, 0)});
  const SlotId q = body.input("q", {body.extent(1, 0)});
  body.output_of("q", q);
  body.output_of("p", p);
  Maker m;
  const Register two = m.number(2);
  const SlotId x = m.input("x", {two}), y = m.input("y", {two});
  const SlotId a = m.arena({two}, 0, 2), b = m.arena({two}, 1, 2);
  m.scale(x, a);
  m.scale(y, b);
  LoopAttributes loop;
  loop.carried = 2;
  const SlotId trips = m.constant(Tensor::scalar<std::int64_t>(3));
  const std::int32_t region = m.region(std::move(body.program));
  m.step("reference.loop", loop, {trips, kNoSlot, a, b}, {a, b}, {region});
  m.output_of("a", a);
  m.output_of("b", b);
  const auto session = open(m.share());
  const std::vector<Value> in = {floats({2}, {1, 2}), floats({2}, {3, 4})};
  auto out = session->run(in);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(to_vector((*out)[0]), (std::vector<float>{3, 4}));
  EXPECT_EQ(to_vector((*out)[1]), (std::vector<float>{1, 2}));
}

}  // namespace
}  // namespace gossamer::runtime::testing
