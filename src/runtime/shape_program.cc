// Evaluating a program's shapes: integers from the extents of inputs, and later from those of
// slots.
#include <algorithm>
#include <limits>

#include "runtime/plan.h"

namespace gossamer::runtime {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

Status overflow() { return limit_error("an extent or a size of the shapes given overflows"); }

Result<std::int64_t> floor_div(std::int64_t a, std::int64_t b) {
  if (b == 0) return malformed("a shape divides by zero");
  if (a == kLeast && b == -1) return overflow();
  const std::int64_t q = a / b;
  return q * b != a && (a < 0) != (b < 0) ? q - 1 : q;
}

Result<std::int64_t> floor_mod(std::int64_t a, std::int64_t b) {
  if (b == 0) return malformed("a shape divides by zero");
  if (b == -1) return std::int64_t{0};
  const std::int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Result<std::int64_t> apply(ShapeOp op, std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  switch (op) {
    case ShapeOp::add:
      if (__builtin_add_overflow(a, b, &out)) return overflow();
      return out;
    case ShapeOp::mul:
      if (__builtin_mul_overflow(a, b, &out)) return overflow();
      return out;
    case ShapeOp::floor_div:
      return floor_div(a, b);
    case ShapeOp::floor_mod:
      return floor_mod(a, b);
    case ShapeOp::min:
      return std::min(a, b);
    case ShapeOp::max:
      return std::max(a, b);
    default:
      return internal_error("no such operation on shapes");
  }
}

bool is_leaf(ShapeOp op) {
  return op == ShapeOp::constant || op == ShapeOp::input_extent || op == ShapeOp::late_extent;
}

// Evaluates, in order, what follows from what is known.
Status follow(const Program& program, Registers& registers) {
  for (std::size_t i = 0; i < program.shape_program.size(); ++i) {
    const ShapeInstruction& instruction = program.shape_program[i];
    if (registers.known[i] || is_leaf(instruction.op)) continue;
    if (!registers.has(instruction.a) || !registers.has(instruction.b)) continue;
    ASSIGN(registers.values[i],
           apply(instruction.op, registers[instruction.a], registers[instruction.b]));
    registers.known[i] = true;
  }
  return {};
}

}  // namespace

Result<Registers> evaluate_shapes(const Program& program, std::span<const Shape> inputs) {
  Registers registers;
  registers.values.assign(program.shape_program.size(), 0);
  registers.known.assign(program.shape_program.size(), false);
  for (std::size_t i = 0; i < program.shape_program.size(); ++i) {
    const ShapeInstruction& instruction = program.shape_program[i];
    if (instruction.op == ShapeOp::constant) {
      registers.values[i] = instruction.value;
      registers.known[i] = true;
    } else if (instruction.op == ShapeOp::input_extent) {
      const Shape& shape = inputs[static_cast<std::size_t>(instruction.a)];
      if (instruction.b >= shape.rank())
        return malformed("a shape names an axis that is not there");
      registers.values[i] = shape[instruction.b];
      registers.known[i] = true;
    }
  }
  TRY(follow(program, registers));
  return registers;
}

Status learn_extents(const Program& program, SlotId slot, const Shape& shape,
                     Registers& registers) {
  bool learned = false;
  for (std::size_t i = 0; i < program.shape_program.size(); ++i) {
    const ShapeInstruction& instruction = program.shape_program[i];
    if (instruction.op != ShapeOp::late_extent || instruction.a != slot) continue;
    if (instruction.b >= shape.rank()) return malformed("a shape names an axis that is not there");
    // What views were found by stays: a slot that is written again keeps its extents.
    if (registers.known[i]) {
      if (registers.values[i] == shape[instruction.b]) continue;
      return malformed("a value comes again with other extents");
    }
    registers.values[i] = shape[instruction.b];
    registers.known[i] = true;
    learned = true;
  }
  return learned ? follow(program, registers) : Status();
}

}  // namespace gossamer::runtime
