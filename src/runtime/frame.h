// Frame: one program or region while it runs: its plans, its memory, the addresses of its slots and
// the values of its own. Used by one thread at a time; regions have frames of their own below it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/session.h"
#include "runtime/team.h"

namespace gossamer::runtime {

// What the frames of one run share.
struct Run {
  const SessionOptions& options;
  const RunOptions& run;
  Team& team;
  std::chrono::steady_clock::time_point start;
  std::int64_t live_bytes = 0;  // values and memory sized while running
  std::int64_t steps = 0;
  int depth = 0;
  // Of the plans executed, regions included: whether steps are worth several threads, and the cost.
  bool shared_steps = false;
  double work_ns = 0;

  Status poll() const {
    if (run.cancelled && run.cancelled->load(std::memory_order_relaxed)) return interrupted();
    return {};
  }
  Status charge(std::int64_t count);
  Status hold(std::int64_t bytes);
  void drop(std::int64_t bytes) { live_bytes -= bytes; }
  static Status interrupted();
};

class Frame {
 public:
  // Program, options and `memory` outlive the frame. With `keep`, planned memory stays leased
  // between runs.
  Frame(const Program& program, const SessionOptions& options, Pool& memory, bool keep);

  const Program& program() const { return program_; }
  // The plan for inputs of these extents: from the cache, or made now.
  Result<std::shared_ptr<const Plan>> plan_for(
      std::span<const std::span<const std::int64_t>> inputs);

  // Runs on values. Results own their bytes, or share those of inputs and constants.
  Result<std::vector<Value>> run(std::span<const Value> inputs, Run& run);
  // Runs from and into raw memory.
  Status run_into(std::span<const RawInput> inputs, std::span<RawOutput> outputs, Run& run);

  std::int64_t arena_bytes() const;    // leased now, regions included
  std::int64_t planned_bytes() const;  // of the largest plan in the cache

  // --- for the context of reference steps ---

  // What a slot holds: its value, or a tensor over its memory or a dense copy of it.
  Result<Value> load(SlotId s);
  // The memory for a result of that type, where the slot has some that is row-major; else null.
  std::byte* memory_for(SlotId s, DType dtype, const Shape& shape);
  Result<std::vector<Value>> run_region(std::int32_t index, std::span<const Value> inputs,
                                        Run& run);

 private:
  class Ending;  // ends a run, however it ends

  // An operand or result whose address changes from run to run.
  struct Moving {
    std::uint32_t position;  // in inputs_ or outputs_
    bool output;
    BufferId buffer;
    std::int64_t offset;  // bytes
  };
  // What a step needs besides its plan.
  struct StepFrame {
    std::uint32_t inputs = 0, outputs = 0;  // where its addresses begin
    bool simple = false;                    // a prepared kernel on memory known before the run
    // The kernel last made while running, and the views that it is for.
    kernels::PreparedPtr late;
    std::vector<kernels::View> late_views;
  };

  const Slot& slot(SlotId s) const { return program_.slots[static_cast<std::size_t>(s)]; }
  const Buffer& buffer(BufferId b) const { return program_.buffers[static_cast<std::size_t>(b)]; }
  BufferKind kind_of(SlotId s) const { return buffer(slot(s).buffer).kind; }
  const SlotView& view(SlotId s) const {
    return (late_ ? views_ : plan_->slots)[static_cast<std::size_t>(s)];
  }
  const Registers& registers() const { return late_ ? registers_ : plan_->registers; }
  std::byte* data_of(SlotId s) const {
    return bases_[static_cast<std::size_t>(slot(s).buffer)] + view(s).offset;
  }

  // frame.cc: plans, memory and addresses
  void keep_plan(std::shared_ptr<const Plan> plan);
  Status acquire();
  void resolve();
  void resolve_step(std::size_t i);
  bool resolve_operand(SlotId s, bool output);
  void find_dying();
  void move_addresses();
  Status begin(std::span<const std::span<const std::int64_t>> inputs);
  void forget_late();
  void end(Run& run);

  // frame_run.cc: steps
  Status execute(Run& run);
  Status execute_step(std::size_t i, Run& run, StepTime* time);
  Status run_kernel(std::size_t i, Run& run, StepTime* time);
  Status run_reference(std::size_t i, Run& run);
  Status share(const kernels::Prepared& prepared, const StepFrame& frame, std::byte* scratch,
               std::int64_t scratch_bytes, Run& run, StepTime* time);
  Status prepare_late(std::size_t i);
  Status find_operands(std::size_t i, Run& run);
  Status set_apart(std::size_t i, std::vector<Tensor>& apart);
  Status make_known(SlotId s, Run& run);
  Status find_outputs(Run& run);
  Status hold_buffer(BufferId b, Run& run);
  Status store(SlotId s, Value value, Run& run);
  Status keep_value(SlotId s, Value value, Run& run);
  Status check_value(SlotId s, const Value& value) const;
  Status learn(const Step& step);
  void drop(BufferId b, Run& run);

  // frame_io.cc: inputs and outputs
  Status take(std::span<const Value> inputs);
  Status take_raw(std::span<const RawInput> inputs);
  Status check_input(std::size_t i, DType dtype, const Shape* shape) const;
  void point_at(BufferKind kind, std::size_t index, std::byte* data);
  Result<std::vector<Value>> give();
  Status give_raw(std::size_t i, RawOutput& output);
  Status offer_memory(std::span<RawOutput> outputs);
  std::vector<std::int64_t> strides_of(SlotId s) const;
  Status unpack_constant(std::size_t b);
  void copy_in(SlotId s, const std::byte* from);
  void copy_out(SlotId s, std::byte* to) const;
  Result<Tensor> dense_copy(SlotId s) const;

  const Program& program_;
  const SessionOptions& options_;
  Pool& memory_;
  bool keep_;
  bool late_ = false;        // some extents are known only while running
  std::vector<bool> tells_;  // slots whose extents the shape program asks for

  // Buffers that may be sized while running and end with a step; where those of each step begin.
  std::vector<BufferId> dying_;
  std::vector<std::uint32_t> dying_from_;

  std::vector<std::shared_ptr<const Plan>> plans_;  // last used first
  std::shared_ptr<const Plan> plan_;
  bool forgot_ = false;  // a plan has left the cache since memory was leased
  Lease lease_;
  // What the addresses below were found for.
  std::shared_ptr<const Plan> resolved_;
  const std::byte* resolved_at_ = nullptr;
  std::vector<StepFrame> steps_;
  std::vector<const void*> inputs_;  // addresses, step by step
  std::vector<void*> outputs_;
  std::vector<Moving> moving_;

  std::vector<Tensor> unpacked_;  // one a constant, made when a step reads packed elements

  // Of the run: one a buffer.
  std::vector<std::byte*> bases_;
  std::vector<Value> values_;
  std::vector<bool> set_;              // whether that value is there
  std::vector<Tensor> held_;           // memory sized while running
  std::vector<std::int64_t> counted_;  // bytes of it, or of the value
  std::vector<BufferId> used_;         // buffers with something in the three above
  // Of the run: one an input or output.
  std::vector<Value> given_;
  std::vector<BufferId> ports_;  // the buffers of inputs and outputs
  std::vector<Tensor> results_;
  std::vector<std::span<const std::int64_t>> extents_;
  // Of the run, where extents come late.
  Registers registers_;
  std::vector<SlotView> views_;
  std::shared_ptr<const Plan> views_of_;  // the plan that they were taken from
  std::vector<SlotId> late_slots_;        // those that it does not know

  std::vector<std::unique_ptr<Frame>> regions_;
};

// "a sequence", "f32[1,3]"
std::string describe_value(const Value& value);
// The value with bytes of its own where they were borrowed without an owner.
Result<Value> own_value(Value value);
std::int64_t value_bytes(const Value& value);

}  // namespace gossamer::runtime
