// A frame's steps, one after the other: kernels shared among the team, scalar code on the caller.
#include <fmt/format.h>
#include <xmmintrin.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "runtime/frame.h"
#include "runtime/step_context.h"

namespace gossamer::runtime {
namespace {

// Denormal floats count as zeros while this lives.
class FlushDenormals {
 public:
  explicit FlushDenormals(bool flush) : before_(_mm_getcsr()), changed_(flush) {
    if (changed_) _mm_setcsr(before_ | 0x8040);  // FTZ and DAZ
  }
  ~FlushDenormals() {
    if (changed_) _mm_setcsr(before_);
  }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned before_;
  bool changed_;
};

// A step's shares, as the team sees them.
struct Shares {
  const kernels::Prepared& prepared;
  kernels::Addresses addresses;
  std::byte* scratch;
  std::int64_t scratch_bytes;  // of one share
  bool flush;

  static void run(void* context, int part, int parts) {
    const Shares& s = *static_cast<const Shares*>(context);
    const FlushDenormals flushing(s.flush);
    kernels::Addresses mine = s.addresses;
    mine.workspace = s.scratch ? s.scratch + part * s.scratch_bytes : nullptr;
    s.prepared.run(mine, part, parts);
  }
};

std::int64_t nanoseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

bool same_view(const kernels::View& a, const kernels::View& b) {
  return a.dtype == b.dtype && a.rank == b.rank && a.extents == b.extents && a.strides == b.strides;
}

}  // namespace

Status Frame::execute(Run& run) {
  const auto count = program_.steps.size();
  if (plan_->shared_steps) run.team.enter();
  run.shared_steps = run.shared_steps || plan_->shared_steps;
  run.work_ns += plan_->work_ns;
  for (std::size_t i = 0; i < count; ++i) {
    TRY(run.charge(1));
    if (!run.run.profile) {
      TRY(execute_step(i, run, nullptr));
      continue;
    }
    StepTime time;
    time.step = &program_.steps[i];
    time.depth = run.depth;
    const auto begin = std::chrono::steady_clock::now();
    TRY(execute_step(i, run, &time));
    time.start_ns = nanoseconds(begin - run.start);
    time.ns = nanoseconds(std::chrono::steady_clock::now() - begin);
    run.run.profile->push_back(time);
  }
  return late_ ? find_outputs(run) : Status();
}

// An output may be a view that no step takes.
Status Frame::find_outputs(Run& run) {
  for (const Port& port : program_.outputs) {
    const BufferKind kind = kind_of(port.slot);
    if (kind == BufferKind::value || kind == BufferKind::output) continue;
    Status status = make_known(port.slot, run);
    if (!status.ok()) return std::move(status).in(fmt::format("output '{}'", port.name));
  }
  return {};
}

Status Frame::execute_step(std::size_t i, Run& run, StepTime* time) {
  StepFrame& frame = steps_[i];
  const Step& step = program_.steps[i];
  if (frame.simple) {
    const StepPlan& plan = plan_->steps[i];
    std::byte* scratch = plan.workspace >= 0 ? lease_.data() + plan.workspace : nullptr;
    TRY(share(*plan.prepared, frame, scratch, plan.workspace_bytes, run, time));
  } else {
    Status status = step.operation->is_kernel() ? run_kernel(i, run, time) : run_reference(i, run);
    if (!status.ok()) {
      if (status.code() == Code::interrupted) return status;
      return std::move(status).in(describe_step(step));
    }
    if (late_) TRY(learn(step));
  }
  for (std::uint32_t d = dying_from_[i]; d < dying_from_[i + 1]; ++d) drop(dying_[d], run);
  return {};
}

Status Frame::share(const kernels::Prepared& prepared, const StepFrame& frame, std::byte* scratch,
                    std::int64_t scratch_bytes, Run& run, StepTime* time) {
  Shares shares{prepared,
                {inputs_.data() + frame.inputs, outputs_.data() + frame.outputs, nullptr},
                scratch,
                scratch_bytes,
                options_.flush_denormals};
  const int parts = run.team.parts(std::min(prepared.parts, plan_->threads));
  if (parts == 1)
    Shares::run(&shares, 0, 1);
  else
    run.team.run(parts, Shares::run, &shares);
  if (time) {
    time->parts = parts;
    time->flops = prepared.flops;
    time->bytes = prepared.bytes;
  }
  return {};
}

// --- kernels whose operands are found, or whose shapes are known, only now ---

Status Frame::run_kernel(std::size_t i, Run& run, StepTime* time) {
  StepFrame& frame = steps_[i];
  const StepPlan& plan = plan_->steps[i];
  TRY(find_operands(i, run));
  const kernels::Prepared* prepared = plan.prepared.get();
  std::byte* scratch = prepared && plan.workspace >= 0 ? lease_.data() + plan.workspace : nullptr;
  std::int64_t scratch_bytes = plan.workspace_bytes;
  Tensor held;
  if (!prepared) {
    TRY(prepare_late(i));
    prepared = frame.late.get();
    if (prepared->workspace > 0) {
      scratch_bytes = (static_cast<std::int64_t>(prepared->workspace) + 63) / 64 * 64;
      const std::int64_t parts = std::clamp(prepared->parts, 1, plan_->threads);
      if (const auto all = checked_mul(scratch_bytes, parts); !all || *all > run.options.max_bytes)
        return limit_error("scratch memory exceeds the memory limit");
      ASSIGN(held, Tensor::make_uninitialized(DType::u8, Shape{scratch_bytes * parts}));
      scratch = static_cast<std::byte*>(held.mutable_data());
    }
  }
  std::vector<Tensor> apart;
  if (prepared->needs_verify) {
    TRY(set_apart(i, apart));
    TRY(prepared->verify(
        {inputs_.data() + frame.inputs, outputs_.data() + frame.outputs, nullptr}));
  }
  return share(*prepared, frame, scratch, scratch_bytes, run, time);
}

namespace {

// The bytes that a view touches, from its first element's address on.
struct Touched {
  std::int64_t first = 0, end = 0;
};

Touched touched_by(const kernels::View& view, std::size_t size) {
  Touched t;
  for (int d = 0; d < view.rank; ++d) {
    const auto a = static_cast<std::size_t>(d);
    if (view.extents[a] == 0) return {};
    (view.strides[a] < 0 ? t.first : t.end) += (view.extents[a] - 1) * view.strides[a];
  }
  const auto bytes = static_cast<std::int64_t>(size);
  return {t.first * bytes, (t.end + 1) * bytes};
}

}  // namespace

// What a kernel checks of its operands' values must hold while it writes its results: operands that
// lie among the results' memory are read from a copy. The first operand is data, which is not
// checked and may be written in place.
Status Frame::set_apart(std::size_t i, std::vector<Tensor>& apart) {
  const Step& step = program_.steps[i];
  const StepFrame& frame = steps_[i];
  const auto touched = [&](SlotId s) {
    return touched_by(view(s).view, dtype_size(slot(s).dtype));
  };
  for (std::size_t k = 1; k < step.inputs.size(); ++k) {
    const SlotId s = step.inputs[k];
    const auto* from = static_cast<const std::byte*>(inputs_[frame.inputs + k]);
    if (s == kNoSlot || !from) continue;
    const Touched in = touched(s);
    bool meets = false;
    for (std::size_t r = 0; r < step.outputs.size() && !meets; ++r) {
      const auto* to = static_cast<const std::byte*>(outputs_[frame.outputs + r]);
      if (step.outputs[r] == kNoSlot || !to) continue;
      const Touched out = touched(step.outputs[r]);
      const std::less<> before;
      meets = before(from + in.first, to + out.end) && before(to + out.first, from + in.end);
    }
    if (!meets) continue;
    ASSIGN(Tensor copy, Tensor::make_uninitialized(DType::u8, Shape{in.end - in.first}));
    std::memcpy(copy.mutable_data(), from + in.first, copy.byte_size());
    inputs_[frame.inputs + k] = static_cast<const std::byte*>(copy.data()) - in.first;
    apart.push_back(std::move(copy));
  }
  return {};
}

// Fills in the addresses that were not known before the run, and makes memory for results.
Status Frame::find_operands(std::size_t i, Run& run) {
  const Step& step = program_.steps[i];
  const StepFrame& frame = steps_[i];
  for (std::size_t k = 0; k < step.inputs.size(); ++k) {
    const SlotId s = step.inputs[k];
    if (s == kNoSlot) continue;
    TRY(make_known(s, run));
    const auto b = static_cast<std::size_t>(slot(s).buffer);
    const void* data = nullptr;
    if (kind_of(s) == BufferKind::value) {
      if (!set_[b]) return malformed("it reads a value that has not been computed");
      TRY(check_value(s, values_[b]));
      data = values_[b].tensor.data();
    } else if (bases_[b]) {
      data = data_of(s);
    }
    inputs_[frame.inputs + k] = data;
  }
  for (std::size_t k = 0; k < step.outputs.size(); ++k) {
    const SlotId s = step.outputs[k];
    if (s == kNoSlot) continue;
    TRY(make_known(s, run));
    const auto b = static_cast<std::size_t>(slot(s).buffer);
    void* data = nullptr;
    if (kind_of(s) == BufferKind::value) {
      ASSIGN(Tensor t, Tensor::make_uninitialized(slot(s).dtype, slot_shape(slot(s), registers())));
      data = t.mutable_data();
      TRY(keep_value(s, Value(std::move(t)), run));
    } else if (bases_[b]) {
      data = data_of(s);
    }
    outputs_[frame.outputs + k] = data;
  }
  return {};
}

// Finds the view of a slot whose extents have become known, and memory for it.
Status Frame::make_known(SlotId s, Run& run) {
  const Slot& wanted = slot(s);
  if (!wanted.ranked || view(s).known) {
    if (late_ && kind_of(s) == BufferKind::arena) return hold_buffer(wanted.buffer, run);
    return {};
  }
  const auto known = [&](std::span<const Register> registers) {
    return std::all_of(registers.begin(), registers.end(),
                       [&](Register r) { return registers_.has(r); });
  };
  const BufferKind kind = kind_of(s);
  const bool is_value = kind == BufferKind::value;
  if (!late_ || !known(wanted.extents) ||
      (!is_value && (!known(wanted.strides) || !registers_.has(wanted.offset))))
    return malformed(fmt::format("the extents of slot {} are not known when it is used", s));
  std::int64_t bytes = plan_->buffer_bytes[static_cast<std::size_t>(wanted.buffer)];
  if (kind == BufferKind::arena && bytes < 0) {
    TRY(hold_buffer(wanted.buffer, run));
    bytes = registers_[buffer(wanted.buffer).bytes];
  }
  if (bytes < 0 && !is_value)
    return malformed(fmt::format("slot {} looks into memory of unknown size", s));
  ASSIGN(views_[static_cast<std::size_t>(s)], view_slot(program_, wanted, registers_, bytes));
  return {};
}

// Makes an arena buffer whose size has become known, unless it is planned or there already.
Status Frame::hold_buffer(BufferId id, Run& run) {
  const auto b = static_cast<std::size_t>(id);
  if (plan_->offsets[b] >= 0 || set_[b]) return {};
  const Register r = program_.buffers[b].bytes;
  if (!registers_.has(r)) return malformed("the size of a buffer is not known when it is used");
  const std::int64_t bytes = registers_[r];
  if (bytes < 0) return limit_error("a buffer is larger than memory can be");
  TRY(run.hold(bytes));
  counted_[b] = bytes;
  set_[b] = true;
  used_.push_back(id);
  ASSIGN(held_[b], Tensor::make_uninitialized(DType::u8, Shape{bytes}));
  bases_[b] = static_cast<std::byte*>(held_[b].mutable_data());
  return {};
}

// Prepares the kernel for its views, unless the last one was for the same.
Status Frame::prepare_late(std::size_t i) {
  const Step& step = program_.steps[i];
  StepFrame& frame = steps_[i];
  std::vector<kernels::View> views;
  for (const auto& slots : {step.inputs, step.outputs})
    for (const SlotId s : slots) views.push_back(s == kNoSlot ? kernels::View{} : view(s).view);
  if (frame.late && std::equal(views.begin(), views.end(), frame.late_views.begin(),
                               frame.late_views.end(), same_view))
    return {};
  ASSIGN(frame.late,
         prepare_step(step, late_ ? views_ : plan_->slots, plan_->level, plan_->threads));
  frame.late_views = std::move(views);
  return {};
}

// --- scalar code ---

Status Frame::run_reference(std::size_t i, Run& run) {
  const Step& step = program_.steps[i];
  for (const auto& slots : {step.inputs, step.outputs})
    for (const SlotId s : slots)
      if (s != kNoSlot && kind_of(s) != BufferKind::value && kind_of(s) != BufferKind::input)
        TRY(make_known(s, run));
  StepContext context(*this, step, run);
  TRY(context.load());
  TRY(step.operation->evaluate(step.attributes.get(), context));
  if (context.result_count() < step.outputs.size())
    return malformed("it gives fewer results than the program says");
  // A result may be an operand handed through, whose memory another result takes.
  if (step.outputs.size() > 1)
    for (std::size_t k = 0; k < step.outputs.size(); ++k) {
      const SlotId s = step.outputs[k];
      Value& value = context.result(k);
      if (s == kNoSlot || (value.is_tensor() && value.tensor.unique())) continue;
      ASSIGN(value, own_value(std::move(value)));
    }
  for (std::size_t k = 0; k < step.outputs.size(); ++k)
    if (step.outputs[k] != kNoSlot) TRY(store(step.outputs[k], std::move(context.result(k)), run));
  return {};
}

// Whether a value is what the program says, as far as that is known. Nothing is nothing: a loop
// without iterations cannot know all extents of the empty tensor that it gives.
Status Frame::check_value(SlotId s, const Value& value) const {
  const Slot& wanted = slot(s);
  if (!wanted.ranked) return {};
  bool fits = value.is_tensor() && value.tensor.dtype() == wanted.dtype &&
              value.tensor.rank() == static_cast<int>(wanted.extents.size());
  bool may_be_empty = false, same = true;
  for (std::size_t d = 0; fits && d < wanted.extents.size(); ++d) {
    const bool known = registers().has(wanted.extents[d]);
    const std::int64_t n = known ? registers()[wanted.extents[d]] : 0;
    may_be_empty = may_be_empty || n == 0;
    same = same && (!known || value.tensor.shape()[static_cast<int>(d)] == n);
  }
  fits = fits && (same || (may_be_empty && value.tensor.count() == 0));
  if (fits) return {};
  std::string expected;
  for (const Register r : wanted.extents)
    expected +=
        (expected.empty() ? "" : ",") + (registers().has(r) ? std::to_string(registers()[r]) : "?");
  return malformed(fmt::format("the program says {}[{}] where {} is", dtype_name(wanted.dtype),
                               expected, describe_value(value)));
}

Status Frame::keep_value(SlotId s, Value value, Run& run) {
  const BufferId id = slot(s).buffer;
  const auto b = static_cast<std::size_t>(id);
  TRY(check_value(s, value));
  drop(id, run);
  const std::int64_t bytes = value_bytes(value);
  TRY(run.hold(bytes));
  counted_[b] = bytes;
  values_[b] = std::move(value);
  set_[b] = true;
  used_.push_back(id);
  return {};
}

// Keeps a result: in its slot's memory, where it may be already, or as a value.
Status Frame::store(SlotId s, Value value, Run& run) {
  if (kind_of(s) == BufferKind::value) {
    ASSIGN(Value own, own_value(std::move(value)));
    return keep_value(s, std::move(own), run);
  }
  TRY(check_value(s, value));
  const Tensor& t = value.tensor;
  const SlotView& v = view(s);
  if (v.count == 0) return {};
  if (v.dense && t.data() == data_of(s)) return {};
  copy_in(s, static_cast<const std::byte*>(t.data()));
  return {};
}

// Tells the shape program the extents of the step's results.
Status Frame::learn(const Step& step) {
  for (const SlotId s : step.outputs) {
    if (s == kNoSlot || !tells_[static_cast<std::size_t>(s)]) continue;
    const auto b = static_cast<std::size_t>(slot(s).buffer);
    if (kind_of(s) == BufferKind::value) {
      if (set_[b] && values_[b].is_tensor())
        TRY(learn_extents(program_, s, values_[b].tensor.shape(), registers_));
    } else {
      TRY(learn_extents(program_, s, slot_shape(slot(s), registers_), registers_));
    }
  }
  return {};
}

}  // namespace gossamer::runtime
