// Plan: a program for one set of input shapes: every extent that is known before the run, the view
// of each slot, the prepared kernels, and where buffers lie. Immutable; shared by runs of a
// session.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/shape.h"
#include "kernels/kernel.h"
#include "runtime/program.h"

namespace gossamer::runtime {

// Values of the shape program's registers; one that depends on late extents is unknown until the
// run has come that far.
struct Registers {
  std::vector<std::int64_t> values;
  std::vector<bool> known;

  bool has(Register r) const { return known[static_cast<std::size_t>(r)]; }
  std::int64_t operator[](Register r) const { return values[static_cast<std::size_t>(r)]; }
};

// Evaluates what can be known before a run from the shapes of the inputs (of one that is no tensor:
// whatever). Fails with limit on overflow, malformed on a division by zero.
Result<Registers> evaluate_shapes(const Program& program, std::span<const Shape> inputs);
// Takes the extents of a slot that has been computed now, and evaluates what follows from them.
Status learn_extents(const Program& program, SlotId slot, const Shape& shape, Registers& registers);

// A slot for known shapes. Slots with more than kernels::kMaxAxes axes have no view; their extents
// and strides are read from the registers.
struct SlotView {
  bool known = false;       // all of its registers are
  bool dense = false;       // row-major without gaps
  kernels::View view;       // rank -1: no view
  std::int64_t offset = 0;  // bytes from the start of the buffer
  std::int64_t count = 0;   // elements
};
// The view of a slot whose registers are known, checked to lie within `buffer_bytes` (-1: not
// checked).
Result<SlotView> view_slot(const Program& program, const Slot& slot, const Registers& registers,
                           std::int64_t buffer_bytes);
// The extents of a slot whose registers are known.
Shape slot_shape(const Slot& slot, const Registers& registers);

// Prepares a step of kernels, all of whose slots are known. What it fails with does not name it.
Result<kernels::PreparedPtr> prepare_step(const Step& step, std::span<const SlotView> slots,
                                          Level level, int threads);
// "step 'conv1' (kernel.conv)"
std::string describe_step(const Step& step);

struct StepPlan {
  kernels::PreparedPtr prepared;     // null: reference code, or late
  bool late = false;                 // waits for extents known only while running
  std::int64_t workspace = -1;       // where in the arena the shares' scratch memory begins
  std::int64_t workspace_bytes = 0;  // of one share, a multiple of the alignment
};

struct Plan {
  std::vector<Shape> inputs;  // what it was made for
  Level level = Level::v2;
  int threads = 1;
  Registers registers;
  std::vector<std::int64_t> buffer_bytes;  // arena and constant: -1 where late; else -1
  std::vector<SlotView> slots;
  std::vector<StepPlan> steps;
  std::vector<std::optional<Shape>> outputs;  // empty: known only after the run, or no tensor
  std::vector<std::int64_t> offsets;          // one a buffer; -1: not in the arena
  std::int64_t arena_bytes = 0;               // scratch memory of kernels included
  std::int64_t lower_bound = 0;               // largest live set, scratch memory included
  std::int64_t unplanned_buffers = 0;         // arena buffers that are sized while running
  bool shared_steps = false;                  // some step is worth several threads
  double work_ns = 0;  // roughly what a run costs one thread: to compare runs of different shapes
};

// Plans `program` (verified) for inputs of these shapes. Fails with usage when they do not fit what
// the program declares, naming the input; with limit when sizes overflow; with malformed when the
// program contradicts itself.
Result<std::unique_ptr<const Plan>> make_plan(const Program& program, std::span<const Shape> inputs,
                                              Level level, int threads);

}  // namespace gossamer::runtime
