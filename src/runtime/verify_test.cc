// Programs that contradict themselves are refused, or at least harm nobody.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "reference/non_zero.h"
#include "runtime/test_program.h"

namespace gossamer::runtime::testing {
namespace {

// A bit of everything: views, late extents, constants, an output elsewhere.
Program sample() {
  Maker m;
  const Register n = m.extent(0, 0), one = m.number(1), two = m.number(2);
  const SlotId x = m.input("x", {n, two});
  const SlotId a = m.arena({n, two}, 0, 3);
  m.scale(x, a, {.parts = 2, .scratch = 64});
  const SlotId found = m.value({two, one}, 1, 3, DType::i64);
  const Register count = m.late(found, 1);
  m.program.slots[static_cast<std::size_t>(found)].extents[1] = count;
  m.step("reference.non_zero", NonZeroAttributes{}, {a}, {found});
  const SlotId c = m.constant(floats({2}, {1, 2}));
  const SlotId spread = m.view_of(c, {count}, {m.number(0)}, m.number(0));
  const SlotId late = m.arena({count}, 2, 3);
  m.scale(spread, late);
  const SlotId y = m.output("y", {n});
  m.add(m.view_of(a, {n}, {two}, one), m.view_of(a, {n}, {two}, m.number(0)), y);
  m.output_of("a", a);
  m.program.buffers[static_cast<std::size_t>(m.program.slots[static_cast<std::size_t>(a)].buffer)]
      .last = 4;
  m.program.equal_extents.emplace_back(n, m.extent(0, 0));
  return std::move(m.program);
}

TEST(Verify, TakesWhatIsRight) {
  const Status s = verify(sample());
  EXPECT_TRUE(s.ok()) << s.message();
  const auto session = open(std::make_shared<const Program>(sample()));
  const Value x = floats({2, 2}, {0, 1, 2, 3});
  auto y = session->run({&x, 1});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(to_vector((*y)[0]), (std::vector<float>{1, 5}));
}

TEST(Verify, RefusesWhatIsWrong) {
  const std::vector<std::function<void(Program&)>> changes = {
      [](Program& p) { p.shape_program[0].a = 1; },
      [](Program& p) { p.shape_program[0].b = 2; },
      [](Program& p) { p.shape_program[0].op = static_cast<ShapeOp>(99); },
      [](Program& p) { p.shape_program.back().op = ShapeOp::add, p.shape_program.back().a = 1000; },
      [](Program& p) { p.buffers[0].index = 1; },
      [](Program& p) { p.buffers[1].bytes = -1; },
      [](Program& p) { p.buffers[1].first = 4, p.buffers[1].last = 3; },
      [](Program& p) { p.buffers[1].last = 1; },
      [](Program& p) { p.buffers[1].kind = static_cast<BufferKind>(17); },
      [](Program& p) { p.slots[0].buffer = 100; },
      [](Program& p) { p.slots[0].dtype = static_cast<DType>(200); },
      [](Program& p) { p.slots[0].dtype = DType::string; },
      [](Program& p) { p.slots[1].dtype = DType::string; },
      [](Program& p) { p.slots[0].extents.pop_back(); },
      [](Program& p) { p.slots[0].strides[0] = 1000; },
      [](Program& p) { p.slots[1].ranked = false; },
      [](Program& p) { p.slots[1].extents.resize(40), p.slots[1].strides.resize(40); },
      [](Program& p) { p.steps[0].operation = nullptr; },
      [](Program& p) { p.steps[0].attributes = nullptr; },
      [](Program& p) { p.steps[0].inputs[0] = 77; },
      [](Program& p) { p.steps[0].outputs[0] = 0; },
      [](Program& p) { p.steps[1].regions.push_back(0); },
      [](Program& p) { p.inputs[0].slot = 1; },
      [](Program& p) { p.outputs[0].slot = -1; },
      [](Program& p) { p.plan.emplace(); },
      [](Program& p) { p.equal_extents.emplace_back(0, 1000); },
      [](Program& p) { p.steps.clear(); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Program p = sample();
    changes[i](p);
    EXPECT_EQ(verify(p).code(), Code::malformed) << i;
  }
}

TEST(Verify, RefusesStaticPlansThatAreTooSmall) {
  Maker m;
  const Register n = m.number(100);
  const SlotId x = m.input("x", {n});
  const SlotId a = m.arena({n}, 0, 1);
  m.scale(x, a);
  m.scale(a, m.output("y", {n}));
  m.program.plan = StaticPlan{{0, 64, 0}, 400};
  EXPECT_EQ(Session::open(m.share()).status().code(), Code::malformed);
}

// Whatever stands in the numbers of a program: it is refused, or fails, or runs; nothing breaks.
TEST(Verify, LetsNothingHarmfulRun) {
  std::mt19937 dice(7);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(dice() % n); };
  const auto number = [&] { return static_cast<std::int32_t>(dice() % 60) - 2; };
  int ran = 0;
  const Value x = floats({2, 2}, {0, 1, 2, 3});
  for (int k = 0; k < 20000; ++k) {
    Program p = sample();
    for (std::size_t changes = 1 + pick(3); changes > 0; --changes) {
      ShapeInstruction& in = p.shape_program[pick(p.shape_program.size())];
      Buffer& b = p.buffers[pick(p.buffers.size())];
      Slot& s = p.slots[pick(p.slots.size())];
      Step& step = p.steps[pick(p.steps.size())];
      switch (pick(12)) {
        case 0:
          in.op = static_cast<ShapeOp>(pick(10));
          break;
        case 1:
          in.a = number();
          break;
        case 2:
          in.value = static_cast<std::int64_t>(dice()) << pick(34);
          break;
        case 3:
          in.value = number();
          break;
        case 4:
          b.bytes = number();
          break;
        case 5:
          b.kind = static_cast<BufferKind>(pick(6));
          break;
        case 6:
          b.last = number();
          break;
        case 7:
          s.buffer = number();
          break;
        case 8:
          if (!s.extents.empty()) s.extents[pick(s.extents.size())] = number();
          break;
        case 9:
          if (!s.strides.empty()) s.strides[pick(s.strides.size())] = number();
          break;
        case 10:
          s.offset = number();
          break;
        default:
          // Scalar code relies on the types of its operands.
          if (step.operation->is_kernel()) step.inputs[pick(step.inputs.size())] = number();
      }
    }
    SessionOptions options;
    options.max_bytes = 1 << 24;
    options.threads = 1 + static_cast<int>(pick(2));
    auto session = Session::open(std::make_shared<const Program>(std::move(p)), options);
    if (session.ok() && (*session)->run({&x, 1}).ok()) ++ran;
  }
  EXPECT_GT(ran, 1000);
}

}  // namespace
}  // namespace gossamer::runtime::testing
