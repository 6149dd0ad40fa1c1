// Small programs made by hand, and comparing programs field by field.
#include "package/test_program.h"

#include <gtest/gtest.h>

#include "reference/gather.h"
#include "reference/if.h"

namespace gossamer::package {
namespace {

using namespace runtime;

// Adds parts to a program; slots are row-major, extents known numbers or a register.
struct Parts {
  Program program;

  Register number(std::int64_t value) {
    program.shape_program.push_back({ShapeOp::constant, 0, 0, value});
    return static_cast<Register>(program.shape_program.size()) - 1;
  }
  SlotId slot(Buffer buffer, DType dtype, std::vector<Register> extents) {
    program.buffers.push_back(buffer);
    Slot s{static_cast<BufferId>(program.buffers.size()) - 1,
           dtype,
           true,
           std::move(extents),
           {},
           number(0)};
    std::int64_t stride = 1;
    for (std::size_t d = s.extents.size(); d-- > 0;) {
      s.strides.insert(s.strides.begin(), number(stride));
      stride *= program.shape_program[static_cast<std::size_t>(s.extents[d])].value;
    }
    program.slots.push_back(std::move(s));
    return static_cast<SlotId>(program.slots.size()) - 1;
  }
  SlotId constant(Tensor t) {
    std::vector<Register> extents;
    for (const std::int64_t d : t.shape()) extents.push_back(number(d));
    const DType dtype = t.dtype();
    program.constants.push_back(std::move(t));
    return slot({BufferKind::constant, static_cast<std::int32_t>(program.constants.size()) - 1},
                dtype, std::move(extents));
  }
  SlotId input(const std::string& name) {  // f32[n]
    const Register n = static_cast<Register>(program.shape_program.size());
    program.shape_program.push_back({ShapeOp::input_extent, 0, 0, 0});
    const SlotId s = slot({BufferKind::input, 0}, DType::f32, {n});
    program.inputs.push_back({name, s, true, {-1}, {"n"}, "f32[n]"});
    return s;
  }
  SlotId output(const std::string& name, DType dtype, std::vector<std::int64_t> dims) {
    std::vector<Register> extents;
    for (const std::int64_t d : dims) extents.push_back(number(d));
    const auto index = static_cast<std::int32_t>(program.outputs.size());
    const bool text = dtype == DType::string;  // never in a buffer of bytes
    const auto step = static_cast<std::int32_t>(program.steps.size());
    const SlotId s =
        slot({text ? BufferKind::value : BufferKind::output, text ? 0 : index, 0, step, step + 1},
             dtype, std::move(extents));
    program.outputs.push_back({name, s, true, dims, std::vector<std::string>(dims.size()), "t"});
    return s;
  }
  template <class S>
  void step(std::string_view operation, S attributes, std::vector<SlotId> in,
            std::vector<SlotId> out, std::vector<std::int32_t> regions = {}) {
    program.steps.push_back({find_operation(operation), make_attributes(std::move(attributes)),
                             std::move(in), std::move(out), std::move(regions),
                             "s" + std::to_string(program.steps.size()), 1.5});
  }
};

// Without inputs: gives three numbers.
Program body(float first) {
  Parts p;
  p.program.name = "body";
  const SlotId table = p.constant(Tensor::vector<float>({first, first + 1, first + 2}));
  const SlotId indices = p.constant(Tensor::vector<std::int64_t>({0, 1, 2}));
  p.step("reference.gather", GatherAttributes{}, {table, indices},
         {p.output("r", DType::f32, {3})});
  return std::move(p.program);
}

void expect_same_ports(const std::vector<Port>& a, const std::vector<Port>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(
        std::tie(a[i].name, a[i].slot, a[i].is_tensor, a[i].extents, a[i].symbols, a[i].type),
        std::tie(b[i].name, b[i].slot, b[i].is_tensor, b[i].extents, b[i].symbols, b[i].type));
  }
}

void expect_same_steps(const std::vector<Step>& a, const std::vector<Step>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(
        std::tie(a[i].operation, a[i].inputs, a[i].outputs, a[i].regions, a[i].name, a[i].macs),
        std::tie(b[i].operation, b[i].inputs, b[i].outputs, b[i].regions, b[i].name, b[i].macs));
    const auto x = a[i].operation->describe(a[i].attributes.get());
    const auto y = b[i].operation->describe(b[i].attributes.get());
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t k = 0; k < x.size(); ++k) {
      EXPECT_EQ(x[k].name, y[k].name);
      EXPECT_TRUE(same_attribute(x[k].value, y[k].value)) << x[k].name;
    }
  }
}

void expect_same_memory(const Program& a, const Program& b) {
  ASSERT_EQ(a.constants.size(), b.constants.size());
  for (std::size_t i = 0; i < a.constants.size(); ++i)
    EXPECT_TRUE(a.constants[i].same_bits(b.constants[i])) << i;
  ASSERT_EQ(a.buffers.size(), b.buffers.size());
  for (std::size_t i = 0; i < a.buffers.size(); ++i) {
    const Buffer &x = a.buffers[i], &y = b.buffers[i];
    EXPECT_EQ(std::tie(x.kind, x.index, x.bytes, x.first, x.last),
              std::tie(y.kind, y.index, y.bytes, y.first, y.last));
  }
  ASSERT_EQ(a.slots.size(), b.slots.size());
  for (std::size_t i = 0; i < a.slots.size(); ++i) {
    const Slot &x = a.slots[i], &y = b.slots[i];
    EXPECT_EQ(std::tie(x.buffer, x.dtype, x.ranked, x.extents, x.strides, x.offset),
              std::tie(y.buffer, y.dtype, y.ranked, y.extents, y.strides, y.offset));
  }
}

}  // namespace

Program test_program() {
  Parts p;
  p.program.name = "test";
  p.program.metadata = {{"author", "nobody"}, {"empty", ""}};
  const SlotId x = p.input("x");
  const SlotId indices = p.constant(Tensor::vector<std::int64_t>({3, -2, 1}));
  p.step("reference.gather", GatherAttributes{}, {x, indices}, {p.output("y", DType::f32, {3})});
  const SlotId words = p.constant(Tensor::vector<std::string>({"a", "\xff not UTF-8", "", "a"}));
  p.step("reference.gather", GatherAttributes{}, {words, indices},
         {p.output("z", DType::string, {3})});
  const SlotId yes = p.constant(Tensor::scalar(true));
  p.program.regions = {body(10), body(-1)};
  p.step("reference.if", IfAttributes{}, {yes}, {p.output("r", DType::f32, {3})}, {0, 1});
  p.program.steps[0].macs = 0;
  return std::move(p.program);
}

Program weights_program(std::int64_t count) {
  Parts p;
  const SlotId x = p.input("x");
  std::vector<float> table(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i);
  const SlotId weights = p.constant(Tensor::vector(table));
  const SlotId indices = p.constant(Tensor::vector<std::int64_t>({2, 0}));
  p.step("reference.gather", GatherAttributes{}, {weights, indices},
         {p.output("y", DType::f32, {2})});
  (void)x;
  return std::move(p.program);
}

void expect_same(const Program& a, const Program& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.metadata, b.metadata);
  EXPECT_EQ(a.equal_extents, b.equal_extents);
  ASSERT_EQ(a.shape_program.size(), b.shape_program.size());
  for (std::size_t i = 0; i < a.shape_program.size(); ++i) {
    const ShapeInstruction &x = a.shape_program[i], &y = b.shape_program[i];
    EXPECT_EQ(std::tie(x.op, x.a, x.b, x.value), std::tie(y.op, y.a, y.b, y.value));
  }
  expect_same_memory(a, b);
  expect_same_steps(a.steps, b.steps);
  expect_same_ports(a.inputs, b.inputs);
  expect_same_ports(a.outputs, b.outputs);
  ASSERT_EQ(a.plan.has_value(), b.plan.has_value());
  if (a.plan) {
    EXPECT_EQ(a.plan->offsets, b.plan->offsets);
    EXPECT_EQ(a.plan->arena_bytes, b.plan->arena_bytes);
  }
  ASSERT_EQ(a.regions.size(), b.regions.size());
  for (std::size_t i = 0; i < a.regions.size(); ++i) expect_same(a.regions[i], b.regions[i]);
}

}  // namespace gossamer::package
