// The helpers of test_program.h.
#include <cstring>
#include <numeric>

#include "runtime/test_program.h"

namespace gossamer::runtime::testing {
namespace {

class Scale final : public kernels::Prepared {
 public:
  Scale(const ScaleStep& step, const kernels::Shapes& shapes) : step_(step) {
    for (const kernels::View& v : shapes.inputs) in_.push_back(v);
    out_ = shapes.outputs[0];
    parts = static_cast<int>(std::min<std::int64_t>(step.parts, shapes.threads));
    workspace = static_cast<std::size_t>(step.scratch);
    flops = 2.0 * static_cast<double>(out_.count());
    bytes = 8.0 * static_cast<double>(out_.count());
    needs_verify = step.picky;
  }

  void run(const kernels::Addresses& a, int part, int share_count) const override {
    if (workspace > 0) std::memset(a.workspace, part + 1, workspace);
    const kernels::Range r = kernels::share(out_.count(), part, share_count);
    for (std::int64_t i = r.begin; i < r.end; ++i) {
      float y = read(a, 0, i) * step_.factor + step_.bias;
      if (in_.size() > 1 && in_[1].rank >= 0) y += read(a, 1, i);
      static_cast<float*>(a.outputs[0])[place(out_, i)] = y;
    }
    for (std::size_t k = 0; k < workspace; ++k)
      if (a.workspace[k] != std::byte(part + 1)) static_cast<float*>(a.outputs[0])[0] = -1e30F;
  }

  Status verify(const kernels::Addresses& a) const override {
    if (out_.count() > 0 && read(a, 0, 0) < 0) return malformed("the first element is negative");
    return {};
  }

 private:
  static std::int64_t place(const kernels::View& v, std::int64_t i) {
    std::int64_t at = 0;
    for (int d = v.rank; d-- > 0;) {
      const auto a = static_cast<std::size_t>(d);
      at += i % v.extents[a] * v.strides[a];
      i /= v.extents[a];
    }
    return at;
  }
  float read(const kernels::Addresses& a, std::size_t k, std::int64_t i) const {
    return static_cast<const float*>(a.inputs[k])[place(in_[k], i)];
  }

  ScaleStep step_;
  std::vector<kernels::View> in_;
  kernels::View out_;
};

}  // namespace

Result<kernels::PreparedPtr> prepare(const ScaleStep& step, const kernels::Shapes& shapes) {
  if (shapes.inputs.empty() || shapes.outputs.size() != 1) return malformed("wrong operands");
  if (shapes.inputs[0].rank < 0 || shapes.outputs[0].rank < 0 || step.parts < 1 || step.scratch < 0)
    return malformed("an operand is left out");
  for (const kernels::View& v : shapes.inputs)
    if (v.rank >= 0 && (v.dtype != DType::f32 || v.count() != shapes.outputs[0].count()))
      return malformed("operands differ");
  return kernels::PreparedPtr(std::make_unique<const Scale>(step, shapes));
}

const Operation* scale_operation() {
  static constexpr Operation kScale[] = {kernel_operation<ScaleStep>("kernel.test_scale")};
  register_operations(kScale);
  return find_operation("kernel.test_scale");
}

Register Maker::number(std::int64_t value) {
  program.shape_program.push_back({ShapeOp::constant, 0, 0, value});
  return static_cast<Register>(program.shape_program.size()) - 1;
}
Register Maker::extent(int input, int axis) {
  program.shape_program.push_back({ShapeOp::input_extent, input, axis, 0});
  return static_cast<Register>(program.shape_program.size()) - 1;
}
Register Maker::late(SlotId slot, int axis) {
  program.shape_program.push_back({ShapeOp::late_extent, slot, axis, 0});
  return static_cast<Register>(program.shape_program.size()) - 1;
}
Register Maker::apply(ShapeOp op, Register a, Register b) {
  program.shape_program.push_back({op, a, b, 0});
  return static_cast<Register>(program.shape_program.size()) - 1;
}

Register Maker::bytes_of(const std::vector<Register>& extents, DType dtype) {
  Register bytes = number(static_cast<std::int64_t>(dtype_size(dtype)));
  for (const Register e : extents) bytes = apply(ShapeOp::mul, bytes, e);
  return bytes;
}

SlotId Maker::add_slot(Buffer buffer, std::vector<Register> extents, DType dtype) {
  Slot slot;
  slot.buffer = static_cast<BufferId>(program.buffers.size());
  slot.dtype = dtype;
  slot.offset = number(0);
  slot.strides.resize(extents.size());
  Register step = number(1);
  for (std::size_t d = extents.size(); d-- > 0;) {
    slot.strides[d] = step;
    step = apply(ShapeOp::mul, step, extents[d]);
  }
  slot.extents = std::move(extents);
  program.buffers.push_back(buffer);
  program.slots.push_back(std::move(slot));
  return static_cast<SlotId>(program.slots.size()) - 1;
}

SlotId Maker::input(const std::string& name, std::vector<Register> extents, DType dtype) {
  const auto index = static_cast<std::int32_t>(program.inputs.size());
  const SlotId s = add_slot({BufferKind::input, index}, std::move(extents), dtype);
  program.inputs.push_back({name, s, true, {}, {}, std::string(dtype_name(dtype)) + "[...]"});
  return s;
}

SlotId Maker::value_input(const std::string& name) {
  const SlotId s = input(name, {});
  program.slots[static_cast<std::size_t>(s)].ranked = false;
  program.inputs.back().is_tensor = false;
  program.inputs.back().type = "sequence";
  return s;
}

SlotId Maker::output(const std::string& name, std::vector<Register> extents, DType dtype) {
  const auto index = static_cast<std::int32_t>(program.outputs.size());
  const SlotId s = add_slot({BufferKind::output, index}, std::move(extents), dtype);
  output_of(name, s);
  return s;
}

void Maker::output_of(const std::string& name, SlotId slot) {
  program.outputs.push_back({name, slot, true, {}, {}, "f32[...]"});
}

SlotId Maker::arena(std::vector<Register> extents, int first, int last, DType dtype) {
  const Register bytes = bytes_of(extents, dtype);
  return add_slot({BufferKind::arena, 0, bytes, first, last}, std::move(extents), dtype);
}

SlotId Maker::value(std::vector<Register> extents, int first, int last, DType dtype) {
  return add_slot({BufferKind::value, 0, 0, first, last}, std::move(extents), dtype);
}

SlotId Maker::unranked_value(int first, int last) {
  const SlotId s = value({}, first, last);
  program.slots[static_cast<std::size_t>(s)].ranked = false;
  return s;
}

SlotId Maker::constant(Tensor tensor) {
  std::vector<Register> extents;
  for (const std::int64_t n : tensor.shape()) extents.push_back(number(n));
  const DType dtype = tensor.dtype();
  const auto index = static_cast<std::int32_t>(program.constants.size());
  program.constants.push_back(std::move(tensor));
  return add_slot({BufferKind::constant, index}, std::move(extents), dtype);
}

SlotId Maker::view_of(SlotId slot, std::vector<Register> extents, std::vector<Register> strides,
                      Register offset) {
  Slot view = program.slots[static_cast<std::size_t>(slot)];
  view.extents = std::move(extents);
  view.strides = std::move(strides);
  view.offset = offset;
  program.slots.push_back(std::move(view));
  return static_cast<SlotId>(program.slots.size()) - 1;
}

void Maker::scale(SlotId x, SlotId y, ScaleStep s) {
  scale_operation();
  step("kernel.test_scale", s, {x}, {y});
}

void Maker::add(SlotId a, SlotId b, SlotId y, ScaleStep s) {
  scale_operation();
  step("kernel.test_scale", s, {a, b}, {y});
}

std::int32_t Maker::region(Program body) {
  program.regions.push_back(std::move(body));
  return static_cast<std::int32_t>(program.regions.size()) - 1;
}

std::shared_ptr<const Program> Maker::share() {
  return std::make_shared<const Program>(std::move(program));
}

Tensor floats(Shape shape, std::initializer_list<float> values) {
  return Tensor::of<float>(std::move(shape), std::vector<float>(values));
}

Tensor iota(Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.count()));
  std::iota(values.begin(), values.end(), 0.0F);
  return Tensor::of<float>(std::move(shape), values);
}

std::vector<float> to_vector(const Value& v) {
  const auto values = v.tensor.values<float>();
  return {values.begin(), values.end()};
}

std::unique_ptr<Session> open(std::shared_ptr<const Program> program, SessionOptions options) {
  auto session = Session::open(std::move(program), std::move(options));
  EXPECT_TRUE(session.ok()) << session.status().message();
  return session.ok() ? std::move(session).value() : nullptr;
}

}  // namespace gossamer::runtime::testing
