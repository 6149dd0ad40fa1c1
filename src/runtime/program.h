// Program: how a model is computed: a flat list of steps over slots of memory, its constants
// packed, its shapes as a small integer program. Read-only and shareable by any number of sessions.
// It knows no graph and no ONNX; what compiles a graph fills it, packages store it, Session runs
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/attributes.h"
#include "base/tensor.h"
#include "runtime/operation.h"

namespace gossamer::runtime {

// --- shapes as integers ---

// Index of an instruction of the shape program, whose result it stands for.
using Register = std::int32_t;

enum class ShapeOp : std::uint8_t {
  constant,      // value
  input_extent,  // extent of axis b of input a of the program
  late_extent,   // extent of axis b of slot a, known once the step that makes the slot has run
  add,
  mul,
  floor_div,  // towards minus infinity; by zero: the shape is refused
  floor_mod,  // sign of the divisor
  min,
  max,
};

struct ShapeInstruction {
  ShapeOp op = ShapeOp::constant;
  std::int32_t a = 0, b = 0;
  std::int64_t value = 0;
};

// --- memory ---

using SlotId = std::int32_t;
inline constexpr SlotId kNoSlot = -1;  // an operand or result left out
using BufferId = std::int32_t;

enum class BufferKind : std::uint8_t {
  arena,     // planned memory of the run
  constant,  // bytes of constants[index]
  input,     // what the caller gives as input `index`, row-major
  output,    // what the caller gets as output `index`, row-major
  value,     // a Value of its own: strings, sequences, optionals, unknown ranks, extents known only
             // while running
};

// Memory that slots look into.
struct Buffer {
  BufferKind kind = BufferKind::arena;
  std::int32_t index = 0;
  Register bytes = 0;  // arena: its size
  std::int32_t first = 0,
               last = 0;  // arena and value: the steps (inclusive) between which it must live
};

// A value as a strided view of a buffer. Slots of kind value that are no ranked tensors have no
// extents.
struct Slot {
  BufferId buffer = 0;
  DType dtype = DType::f32;
  bool ranked = true;
  std::vector<Register> extents;
  std::vector<Register> strides;  // in elements; kind value: row-major, whatever stands here
  Register offset = 0;            // in elements from the start of the buffer
};

// --- work ---

struct Step {
  const Operation* operation = nullptr;
  AttributePtr attributes;
  std::vector<SlotId> inputs,
      outputs;                        // in the order of the operation's contract; kNoSlot: left out
  std::vector<std::int32_t> regions;  // bodies of a branch or loop: indices into Program::regions
  std::string name;                   // of the operator it came from, for messages and profiles
  double macs = 0;                    // multiply-accumulates when shapes are static, else 0
};

// An input or output of a program, or of a region.
struct Port {
  std::string name;
  SlotId slot = kNoSlot;  // of an input that nothing reads: none
  // The declared extents for messages and signatures: a number, or -1 with the symbol's text.
  bool is_tensor = true;
  std::vector<std::int64_t> extents;
  std::vector<std::string> symbols;
  std::string type;  // "f32[1,3,h,w]"
};

// What was planned when the model was compiled, for static shapes.
struct StaticPlan {
  std::vector<std::int64_t> offsets;  // one a buffer; arena only
  std::int64_t arena_bytes = 0;
};

struct Program {
  std::string name;
  std::vector<ShapeInstruction> shape_program;  // each refers to earlier ones only
  std::vector<Tensor> constants;                // 64-byte aligned bytes
  std::vector<Buffer> buffers;
  std::vector<Slot> slots;
  std::vector<Step> steps;  // in order of execution
  std::vector<Port> inputs, outputs;
  std::vector<Program> regions;  // of steps; constants are their own
  std::optional<StaticPlan> plan;
  std::vector<std::pair<std::string, std::string>> metadata;
  // Extents of inputs that must be equal: pairs of input_extent or constant registers.
  std::vector<std::pair<Register, Register>> equal_extents;
};

// Checks every index and every relation that a session relies on: programs come from packages, too.
// Fails with malformed.
Status verify(const Program& program);

}  // namespace gossamer::runtime
