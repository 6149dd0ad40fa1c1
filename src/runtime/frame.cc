// A frame's plans, memory and addresses.
#include "runtime/frame.h"

#include <fmt/format.h>

#include <algorithm>

namespace gossamer::runtime {

Status Run::interrupted() { return {Code::interrupted, "the run was cancelled"}; }

Status Run::charge(std::int64_t count) {
  if (count > options.max_steps - steps)
    return limit_error(fmt::format("the run exceeds its limit of {} steps", options.max_steps));
  steps += count;
  return poll();
}

Status Run::hold(std::int64_t bytes) {
  if (bytes > options.max_bytes - live_bytes)
    return limit_error(
        fmt::format("the run exceeds its memory limit of {} bytes", options.max_bytes));
  live_bytes += bytes;
  return {};
}

Frame::Frame(const Program& program, const SessionOptions& options, Pool& memory, bool keep)
    : program_(program), options_(options), memory_(memory), keep_(keep) {
  tells_.assign(program.slots.size(), false);
  for (const ShapeInstruction& in : program.shape_program)
    if (in.op == ShapeOp::late_extent) {
      tells_[static_cast<std::size_t>(in.a)] = true;
      late_ = true;
    }
  const std::size_t buffers = program.buffers.size();
  for (std::size_t b = 0; b < buffers; ++b) {
    const BufferKind kind = program.buffers[b].kind;
    if (kind == BufferKind::input || kind == BufferKind::output)
      ports_.push_back(static_cast<BufferId>(b));
  }
  unpacked_.resize(program.constants.size());
  bases_.assign(buffers, nullptr);
  values_.resize(buffers);
  set_.assign(buffers, false);
  held_.resize(buffers);
  counted_.assign(buffers, 0);
  given_.resize(program.inputs.size());
  results_.resize(program.outputs.size());
  extents_.resize(program.inputs.size());
  regions_.resize(program.regions.size());
  find_dying();
}

namespace {

bool is_for(const Plan& plan, std::span<const std::span<const std::int64_t>> inputs) {
  if (plan.inputs.size() != inputs.size()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!std::equal(inputs[i].begin(), inputs[i].end(), plan.inputs[i].begin(),
                    plan.inputs[i].end()))
      return false;
  return true;
}

}  // namespace

Result<std::shared_ptr<const Plan>> Frame::plan_for(
    std::span<const std::span<const std::int64_t>> inputs) {
  for (std::size_t i = 0; i < plans_.size(); ++i)
    if (is_for(*plans_[i], inputs)) {
      if (i > 0)
        std::rotate(plans_.begin(), plans_.begin() + static_cast<std::ptrdiff_t>(i),
                    plans_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return plans_.front();
    }
  std::vector<Shape> shapes;
  shapes.reserve(inputs.size());
  for (const auto extents : inputs) shapes.emplace_back(extents);
  ASSIGN(std::shared_ptr<const Plan> plan,
         make_plan(program_, shapes, options_.level, options_.threads));
  if (plan->arena_bytes > options_.max_bytes)
    return limit_error(
        fmt::format("the model needs {} bytes of memory for these shapes, more than "
                    "the limit of {}",
                    plan->arena_bytes, options_.max_bytes));
  keep_plan(plan);
  return plan;
}

void Frame::keep_plan(std::shared_ptr<const Plan> plan) {
  plans_.insert(plans_.begin(), std::move(plan));
  if (plans_.size() <= std::max<std::size_t>(options_.cached_plans, 1)) return;
  plans_.pop_back();
  forgot_ = true;
}

std::int64_t Frame::planned_bytes() const {
  std::int64_t most = 0;
  for (const auto& plan : plans_) most = std::max(most, plan->arena_bytes);
  return most;
}

std::int64_t Frame::arena_bytes() const {
  std::int64_t sum = lease_.bytes();
  for (const auto& region : regions_)
    if (region) sum += region->arena_bytes();
  return sum;
}

// Memory for the plan: what is there when it is enough. After a plan was forgotten, memory that
// only it needed goes back to the system.
Status Frame::acquire() {
  const std::int64_t needed = plan_->arena_bytes;
  const bool spare = forgot_ && keep_ && lease_.bytes() > 2 * planned_bytes() + (1 << 16);
  forgot_ = false;
  if (lease_.bytes() >= needed && !spare) return {};
  lease_.release();
  if (spare) memory_.trim();
  ASSIGN(lease_, memory_.lease(needed));
  return {};
}

// Finds the plan and the memory for a run and every address that is known before it.
Status Frame::begin(std::span<const std::span<const std::int64_t>> inputs) {
  ASSIGN(plan_, plan_for(inputs));
  TRY(acquire());
  if (resolved_ != plan_ || resolved_at_ != lease_.data()) resolve();
  if (late_) forget_late();
  return {};
}

// Goes back to what is known before a run; most views stay as they are from run to run.
void Frame::forget_late() {
  registers_ = plan_->registers;
  if (views_of_ != plan_) {
    views_ = plan_->slots;
    views_of_ = plan_;
    late_slots_.clear();
    for (std::size_t s = 0; s < views_.size(); ++s)
      if (!views_[s].known) late_slots_.push_back(static_cast<SlotId>(s));
  }
  for (const SlotId s : late_slots_) views_[static_cast<std::size_t>(s)] = SlotView();
}

void Frame::end(Run& run) {
  for (const BufferId b : used_) drop(b, run);
  used_.clear();
  // An empty tensor has a shape, which is allocated: only for what was there.
  for (Value& v : given_)
    if (!v.is_tensor() || v.tensor.data()) v = Value();
  for (Tensor& t : results_)
    if (t.data()) t = Tensor();
  if (!keep_) lease_.release();
}

void Frame::drop(BufferId b, Run& run) {
  const auto i = static_cast<std::size_t>(b);
  if (!set_[i]) return;
  run.drop(counted_[i]);
  counted_[i] = 0;
  set_[i] = false;
  if (program_.buffers[i].kind == BufferKind::arena) {
    held_[i] = Tensor();
    bases_[i] = nullptr;
  } else {
    values_[i] = Value();
  }
}

void Frame::resolve() {
  for (std::size_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    std::byte* base = nullptr;
    if (buffer.kind == BufferKind::arena && plan_->offsets[b] >= 0 && lease_.data())
      base = lease_.data() + plan_->offsets[b];
    if (buffer.kind == BufferKind::constant) {
      // Never written: verified programs have no results there.
      const Tensor& t = program_.constants[static_cast<std::size_t>(buffer.index)];
      base = t.packed() ? nullptr : static_cast<std::byte*>(const_cast<void*>(t.data()));
    }
    bases_[b] = base;
  }
  inputs_.clear();
  outputs_.clear();
  moving_.clear();
  steps_.clear();
  steps_.resize(program_.steps.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) resolve_step(i);
  resolved_ = plan_;
  resolved_at_ = lease_.data();
}

void Frame::resolve_step(std::size_t i) {
  const Step& step = program_.steps[i];
  StepFrame& frame = steps_[i];
  frame.inputs = static_cast<std::uint32_t>(inputs_.size());
  frame.outputs = static_cast<std::uint32_t>(outputs_.size());
  if (!step.operation->is_kernel()) return;
  frame.simple = plan_->steps[i].prepared && !plan_->steps[i].prepared->needs_verify;
  for (const SlotId s : step.inputs)
    if (!resolve_operand(s, false)) frame.simple = false;
  for (const SlotId s : step.outputs)
    if (!resolve_operand(s, true)) frame.simple = false;
}

// Appends the address of an operand or result; false when it is found only as the step runs.
bool Frame::resolve_operand(SlotId s, bool output) {
  std::byte* address = nullptr;
  bool found = true;
  if (s != kNoSlot) {
    const BufferId b = slot(s).buffer;
    const SlotView& view = plan_->slots[static_cast<std::size_t>(s)];
    const BufferKind kind = buffer(b).kind;
    found = kind != BufferKind::value && view.known;
    if (found && (kind == BufferKind::input || kind == BufferKind::output)) {
      const auto position = static_cast<std::uint32_t>(output ? outputs_.size() : inputs_.size());
      moving_.push_back({position, output, b, view.offset});
    } else if (found && bases_[static_cast<std::size_t>(b)]) {
      address = bases_[static_cast<std::size_t>(b)] + view.offset;
    }
  }
  if (output)
    outputs_.push_back(address);
  else
    inputs_.push_back(address);
  return found;
}

// Lists, step by step, what may be sized while running and ends there; what an output reads lives
// on.
void Frame::find_dying() {
  std::vector<bool> lasts(program_.buffers.size(), false);
  for (const Port& port : program_.outputs)
    lasts[static_cast<std::size_t>(slot(port.slot).buffer)] = true;
  for (std::size_t b = 0; b < program_.buffers.size(); ++b) {
    const BufferKind kind = program_.buffers[b].kind;
    const bool sized = kind == BufferKind::value || (late_ && kind == BufferKind::arena);
    if (sized && !lasts[b]) dying_.push_back(static_cast<BufferId>(b));
  }
  std::stable_sort(dying_.begin(), dying_.end(),
                   [&](BufferId a, BufferId b) { return buffer(a).last < buffer(b).last; });
  std::size_t next = 0;
  for (std::size_t i = 0; i < program_.steps.size(); ++i) {
    dying_from_.push_back(static_cast<std::uint32_t>(next));
    while (next < dying_.size() && buffer(dying_[next]).last <= static_cast<std::int32_t>(i))
      ++next;
  }
  dying_from_.push_back(static_cast<std::uint32_t>(next));
}

void Frame::move_addresses() {
  for (const Moving& m : moving_) {
    std::byte* base = bases_[static_cast<std::size_t>(m.buffer)];
    std::byte* address = base ? base + m.offset : nullptr;
    if (m.output)
      outputs_[m.position] = address;
    else
      inputs_[m.position] = address;
  }
}

Result<std::vector<Value>> Frame::run_region(std::int32_t index, std::span<const Value> inputs,
                                             Run& run) {
  const auto i = static_cast<std::size_t>(index);
  if (!regions_[i])
    regions_[i] = std::make_unique<Frame>(program_.regions[i], options_, memory_, keep_);
  ++run.depth;
  Result<std::vector<Value>> out = regions_[i]->run(inputs, run);
  --run.depth;
  return out;
}

}  // namespace gossamer::runtime
