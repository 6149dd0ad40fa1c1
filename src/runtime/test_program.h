// For tests: small programs made by hand, and a family of kernels that is easy to follow.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"
#include "runtime/program.h"
#include "runtime/session.h"

namespace gossamer::runtime::testing {

// y = x * factor + bias (+ x2, where given), element by element, f32, any strides; shared by
// `parts`. It adds up its scratch memory to see that nobody else writes there.
struct ScaleStep {
  float factor = 1, bias = 0;
  std::int64_t parts = 1;
  std::int64_t scratch = 0;  // bytes a share
  bool picky = false;        // verify fails on a negative first element
  static constexpr auto kFields =
      std::tuple(field("factor", &ScaleStep::factor), field("bias", &ScaleStep::bias),
                 field("parts", &ScaleStep::parts), field("scratch", &ScaleStep::scratch),
                 field("picky", &ScaleStep::picky));
};
Result<kernels::PreparedPtr> prepare(const ScaleStep& step, const kernels::Shapes& shapes);

// The operation "kernel.test_scale".
const Operation* scale_operation();

// Makes programs; every dim is a register.
class Maker {
 public:
  Program program;

  Register number(std::int64_t value);
  Register extent(int input, int axis);
  Register late(SlotId slot, int axis);
  Register apply(ShapeOp op, Register a, Register b);

  // Row-major slots in memory of their own.
  SlotId input(const std::string& name, std::vector<Register> extents, DType dtype = DType::f32);
  SlotId value_input(const std::string& name);  // a sequence or optional
  SlotId output(const std::string& name, std::vector<Register> extents, DType dtype = DType::f32);
  SlotId arena(std::vector<Register> extents, int first, int last, DType dtype = DType::f32);
  SlotId value(std::vector<Register> extents, int first, int last, DType dtype = DType::f32);
  SlotId unranked_value(int first, int last);
  SlotId constant(Tensor tensor);
  // An output that lies in the memory of another slot.
  void output_of(const std::string& name, SlotId slot);
  // Another view of a slot's buffer.
  SlotId view_of(SlotId slot, std::vector<Register> extents, std::vector<Register> strides,
                 Register offset);

  void scale(SlotId x, SlotId y, ScaleStep step = {});
  void add(SlotId a, SlotId b, SlotId y, ScaleStep step = {});
  template <class S>
  void step(std::string_view operation, S attributes, std::vector<SlotId> inputs,
            std::vector<SlotId> outputs, std::vector<std::int32_t> regions = {}) {
    program.steps.push_back({find_operation(operation), make_attributes(std::move(attributes)),
                             std::move(inputs), std::move(outputs), std::move(regions),
                             "step" + std::to_string(program.steps.size())});
  }
  std::int32_t region(Program body);

  // The program, moved out and shared.
  std::shared_ptr<const Program> share();

 private:
  SlotId add_slot(Buffer buffer, std::vector<Register> extents, DType dtype);
  Register bytes_of(const std::vector<Register>& extents, DType dtype);
};

Tensor floats(Shape shape, std::initializer_list<float> values);
Tensor iota(Shape shape);
std::vector<float> to_vector(const Value& v);
std::unique_ptr<Session> open(std::shared_ptr<const Program> program, SessionOptions options = {});

}  // namespace gossamer::runtime::testing
