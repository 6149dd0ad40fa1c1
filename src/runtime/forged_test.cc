// Programs that pass the verifier but mix up what their steps work on: whatever a step is given, it
// keeps to the memory of its operands.
#include <gtest/gtest.h>

#include <functional>

#include "kernels/gather/gather.h"
#include "reference/checks.h"
#include "runtime/test_program.h"

namespace gossamer::runtime::testing {
namespace {

// Runs one step of scalar code on inputs of these types; its answer.
Status run_step(std::string_view operation, const std::function<void(Maker&, SlotId)>& add,
                const Tensor& x) {
  Maker m;
  std::vector<Register> extents;
  for (int d = 0; d < x.rank(); ++d) extents.push_back(m.extent(0, d));
  add(m, m.input("x", extents, x.dtype()));
  const auto session = open(m.share());
  const Value value(x);
  const Status status = session->run({&value, 1}).status();
  EXPECT_FALSE(status.ok()) << operation;
  return status;
}

Tensor i64s(std::initializer_list<std::int64_t> values) {
  return Tensor::vector(std::vector<std::int64_t>(values));
}

TEST(Forged, OperandsOfOtherTypesAreRefused) {
  const auto refused = [](auto attributes, std::string_view name, const Tensor& second,
                          int results = 1) {
    const Status s = run_step(
        name,
        [&](Maker& m, SlotId x) {
          std::vector<SlotId> outputs;
          for (int i = 0; i < results; ++i) outputs.push_back(m.unranked_value(0, 1));
          m.step(name, attributes, {x, m.constant(second)}, outputs);
        },
        floats({2, 2}, {1, 2, 3, 4}));
    EXPECT_EQ(s.code(), Code::malformed) << name << ": " << s.message();
  };
  refused(GatherAttributes{}, "reference.gather", floats({1}, {1}));
  refused(ConcatAttributes{}, "reference.concat",
          Tensor::of<std::uint8_t>({2, 2}, std::vector<std::uint8_t>{1, 2, 3, 4}));
  refused(TopKAttributes{}, "reference.top_k", floats({1}, {1}), 2);
  refused(TopKAttributes{}, "reference.top_k", i64s({1}), 3);
  refused(SampleAttributes{}, "reference.sample", i64s({1}));
  refused(SequenceJoinAttributes{}, "reference.sequence_join", i64s({1}));
  refused(NoAttributes{}, "reference.sequence_at", i64s({0}));
  refused(SoftmaxAttributes{}, "reference.softmax", i64s({0}));
  refused(RoiPoolAttributes{}, "reference.roi_pool", i64s({0}));
  LoopAttributes loop;
  loop.carried = -1;
  refused(loop, "reference.loop", i64s({0}), 0);
  loop.carried = 0;
  loop.axes = {0};
  refused(loop, "reference.loop", i64s({0}), 0);
}

TEST(Forged, MissingOperandsAndResultsAreRefused) {
  for (const std::string_view name : {"reference.det", "reference.non_zero", "reference.shape"}) {
    (void)run_step(
        name, [&](Maker& m, SlotId) { m.step(name, NoAttributes{}, {}, {m.unranked_value(0, 1)}); },
        floats({1}, {1}));
    (void)run_step(
        name, [&](Maker& m, SlotId x) { m.step(name, NoAttributes{}, {x}, {}); }, floats({1}, {1}));
    (void)run_step(
        name,
        [&](Maker& m, SlotId) {
          m.step(name, NoAttributes{}, {kNoSlot}, {m.unranked_value(0, 1)});
        },
        floats({1}, {1}));
  }
}

// Bytes that are no booleans, seen as booleans.
TEST(Forged, WhatIsNoBooleanIsRefused) {
  Maker m;
  const Register four = m.number(4), one = m.number(1);
  const SlotId x = m.input("x", {one});
  const SlotId a = m.arena({one}, 0, 2);
  m.scale(x, a);
  const SlotId b = m.view_of(a, {four}, {one}, m.number(0));
  m.program.slots[static_cast<std::size_t>(b)].dtype = DType::boolean;
  m.step("reference.non_zero", NonZeroAttributes{}, {b}, {m.unranked_value(1, 2)});
  const auto session = open(m.share());
  const Value value(floats({1}, {3}));
  const auto y = session->run({&value, 1});
  ASSERT_FALSE(y.ok());
  EXPECT_NE(y.status().message().find("holds what is none"), std::string::npos);
}

// A constant is read as what was checked when the package was opened.
TEST(Forged, AConstantOfAnotherTypeIsRefused) {
  Maker m;
  const SlotId c = m.constant(floats({2}, {1, 2}));
  m.program.slots[static_cast<std::size_t>(c)].dtype = DType::i32;
  EXPECT_EQ(verify(*m.share()).code(), Code::malformed);
}

// Indices that lie where the results go: checked, then overwritten with wild numbers.
void gather_over_its_indices(bool kernel) {
  Maker m;
  const Register n = m.number(16), one = m.number(1), zero = m.number(0);
  const SlotId x = m.input("x", {n}, DType::i64);
  const SlotId where = m.arena({n}, 0, 2, DType::i64);
  m.step("reference.copy", CopyAttributes{{SliceStep{0, 0, 16, 1}, PadStep{0, 0, 0}}}, {x},
         {where});
  const SlotId wild =
      m.constant(Tensor::vector(std::vector<std::int64_t>(16, std::int64_t{1} << 40)));
  const SlotId to = m.view_of(where, {n}, {one}, zero);
  m.program.slots[static_cast<std::size_t>(to)].dtype = DType::i64;
  if (kernel)
    m.step("kernel.gather", kernels::GatherStep{}, {wild, where}, {to});
  else
    m.step("reference.gather", GatherAttributes{}, {wild, where}, {to});
  m.output_of("y", to);
  const auto session = open(m.share());
  std::vector<std::int64_t> indices(16);
  for (std::size_t i = 0; i < 16; ++i) indices[i] = static_cast<std::int64_t>(i);
  const Value value(Tensor::vector(indices));
  const auto y = session->run({&value, 1});
  ASSERT_TRUE(y.ok()) << y.status().message();
  for (const std::int64_t v : (*y)[0].tensor.values<std::int64_t>())
    EXPECT_EQ(v, std::int64_t{1} << 40);
}

TEST(Forged, ResultsOverIndicesHarmNobody) {
  gather_over_its_indices(false);
  gather_over_its_indices(true);
}

// A value that a kernel makes anew, and looks into.
TEST(Forged, AKernelsValuesLieApart) {
  Maker m;
  const Register n = m.extent(0, 0);
  const SlotId x = m.input("x", {n});
  const SlotId v = m.value({n}, 0, 2);
  m.scale(x, v);
  m.scale(v, v);
  m.output_of("y", v);
  EXPECT_EQ(verify(*m.share()).code(), Code::malformed);
}

// A slot written twice, with other extents the second time.
TEST(Forged, ExtentsAreLearnedOnce) {
  Maker m;
  const Register n = m.extent(0, 0), one = m.number(1);
  const SlotId x = m.input("x", {n});
  const SlotId found = m.value({one, one}, 0, 2, DType::i64);
  m.program.slots[static_cast<std::size_t>(found)].extents[1] = m.late(found, 1);
  const SlotId again = m.value({one, one}, 0, 2, DType::i64);
  m.program.slots[static_cast<std::size_t>(again)].buffer =
      m.program.slots[static_cast<std::size_t>(found)].buffer;
  m.program.slots[static_cast<std::size_t>(again)].extents[1] =
      m.program.slots[static_cast<std::size_t>(found)].extents[1];
  m.step("reference.non_zero", NonZeroAttributes{}, {x}, {found});
  m.step("reference.non_zero", NonZeroAttributes{}, {m.constant(floats({3}, {1, 2, 3}))}, {found});
  const auto session = open(m.share());
  const Value value(floats({2}, {1, 2}));
  EXPECT_FALSE(session->run({&value, 1}).ok());
}

}  // namespace
}  // namespace gossamer::runtime::testing
