// Making plans: extents, views checked against the memory that they look into, kernels, offsets.
#include "runtime/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/memory_plan.h"

namespace gossamer::runtime {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 60;  // of the whole arena

std::int64_t aligned(std::int64_t bytes) {
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

bool all_known(const Registers& registers, std::span<const Register> wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](Register r) { return registers.has(r); });
}

// The first and the last element that a view touches, from the start of its buffer.
struct Reach {
  std::int64_t first = 0, last = 0;
};

Result<Reach> reach_of(std::int64_t offset, std::span<const std::int64_t> extents,
                       std::span<const std::int64_t> strides) {
  Reach r{offset, offset};
  for (std::size_t d = 0; d < extents.size(); ++d) {
    std::int64_t span = 0;
    std::int64_t& end = strides[d] < 0 ? r.first : r.last;
    if (__builtin_mul_overflow(extents[d] - 1, strides[d], &span) ||
        __builtin_add_overflow(end, span, &end))
      return limit_error("the strides of a slot overflow");
  }
  return r;
}

bool is_dense(std::span<const std::int64_t> extents, std::span<const std::int64_t> strides) {
  std::int64_t step = 1;
  for (std::size_t d = extents.size(); d-- > 0;) {
    if (extents[d] != 1 && strides[d] != step) return false;
    step *= extents[d];
  }
  return true;
}

std::string type_text(DType dtype, const Shape& shape) {
  return std::string(dtype_name(dtype)) + shape.to_string();
}

class Planner {
 public:
  Planner(const Program& program, std::span<const Shape> inputs, Level level, int threads)
      : p_(program), inputs_(inputs), plan_(std::make_unique<Plan>()) {
    plan_->inputs.assign(inputs.begin(), inputs.end());
    plan_->level = level;
    plan_->threads = std::max(threads, 1);
  }

  Result<std::unique_ptr<const Plan>> make() {
    TRY(bind_inputs());
    TRY(size_buffers());
    TRY(view_slots());
    TRY(prepare_steps());
    TRY(place());
    for (const Port& port : p_.outputs) plan_->outputs.push_back(output_shape(port));
    return std::unique_ptr<const Plan>(std::move(plan_));
  }

 private:
  const Slot& slot(SlotId s) const { return p_.slots[static_cast<std::size_t>(s)]; }
  const Buffer& buffer(BufferId b) const { return p_.buffers[static_cast<std::size_t>(b)]; }

  // --- inputs ---

  Status bind_inputs() {
    if (inputs_.size() != p_.inputs.size())
      return usage_error(fmt::format("the model takes {} inputs, {} were given", p_.inputs.size(),
                                     inputs_.size()));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (p_.inputs[i].slot == kNoSlot) continue;
      const Slot& s = slot(p_.inputs[i].slot);
      if (s.ranked && s.extents.size() != static_cast<std::size_t>(inputs_[i].rank()))
        return unfit(i);
    }
    ASSIGN(plan_->registers, evaluate_shapes(p_, inputs_));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (p_.inputs[i].slot == kNoSlot) continue;
      const Slot& s = slot(p_.inputs[i].slot);
      for (std::size_t d = 0; s.ranked && d < s.extents.size(); ++d) {
        const Register r = s.extents[d];
        if (!plan_->registers.has(r) || plan_->registers[r] != inputs_[i][static_cast<int>(d)])
          return unfit(i);
      }
    }
    for (const auto& [a, b] : p_.equal_extents)
      if (plan_->registers.has(a) && plan_->registers.has(b) &&
          plan_->registers[a] != plan_->registers[b])
        return usage_error(fmt::format("{} and {} must be equal", describe(a), describe(b)));
    return {};
  }

  Status unfit(std::size_t i) const {
    const Port& port = p_.inputs[i];
    return usage_error(fmt::format("input '{}' expects {}, got {}", port.name, port.type,
                                   type_text(slot(port.slot).dtype, inputs_[i])));
  }

  // "extent 2 of input 'x' (48)"
  std::string describe(Register r) const {
    const ShapeInstruction& in = p_.shape_program[static_cast<std::size_t>(r)];
    if (in.op != ShapeOp::input_extent) return std::to_string(plan_->registers[r]);
    return fmt::format("extent {} of input '{}' ({})", in.b,
                       p_.inputs[static_cast<std::size_t>(in.a)].name, plan_->registers[r]);
  }

  // --- memory that slots look into ---

  Status size_buffers() {
    plan_->buffer_bytes.assign(p_.buffers.size(), -1);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < p_.buffers.size(); ++i) {
      const Buffer& b = p_.buffers[i];
      std::int64_t& bytes = plan_->buffer_bytes[i];
      if (b.kind == BufferKind::constant) {
        // Packed elements are unpacked, to a byte each, before anything reads them.
        const Tensor& t = p_.constants[static_cast<std::size_t>(b.index)];
        bytes = t.packed() ? t.count() : static_cast<std::int64_t>(t.byte_size());
      } else if (b.kind == BufferKind::input) {
        const Slot& whole = slot(p_.inputs[static_cast<std::size_t>(b.index)].slot);
        if (!whole.ranked) continue;
        ASSIGN(bytes, whole_bytes(whole));
      } else if (b.kind == BufferKind::output) {
        const Port& port = p_.outputs[static_cast<std::size_t>(b.index)];
        if (!all_known(plan_->registers, slot(port.slot).extents))
          return malformed(
              fmt::format("output '{}' lies in the caller's memory, but its extents "
                          "are known only after the run",
                          port.name));
        ASSIGN(bytes, whole_bytes(slot(port.slot)));
      } else if (b.kind == BufferKind::arena && plan_->registers.has(b.bytes)) {
        bytes = plan_->registers[b.bytes];
        if (bytes < 0 || bytes > kMostBytes || aligned(bytes) > kMostBytes - sum)
          return limit_error("the model needs more memory for these shapes than there can be");
        sum += aligned(bytes);
      }
    }
    return {};
  }

  Result<std::int64_t> whole_bytes(const Slot& s) const {
    const std::optional<std::int64_t> count = slot_shape(s, plan_->registers).checked_count();
    const auto bytes =
        count ? checked_mul(*count, static_cast<std::int64_t>(dtype_size(s.dtype))) : std::nullopt;
    if (!bytes) return limit_error("a tensor of these shapes is larger than memory can be");
    return *bytes;
  }

  Status view_slots() {
    plan_->slots.resize(p_.slots.size());
    for (std::size_t i = 0; i < p_.slots.size(); ++i) {
      const Slot& s = p_.slots[i];
      const BufferKind kind = buffer(s.buffer).kind;
      const std::int64_t bytes = plan_->buffer_bytes[static_cast<std::size_t>(s.buffer)];
      if (!s.ranked || !all_known(plan_->registers, s.extents)) continue;
      if (kind != BufferKind::value) {
        if (bytes < 0 || !all_known(plan_->registers, s.strides) || !plan_->registers.has(s.offset))
          continue;
      }
      Result<SlotView> view = view_slot(p_, s, plan_->registers, bytes);
      if (!view.ok()) return std::move(view).status().in(fmt::format("slot {}", i));
      plan_->slots[i] = std::move(view).value();
    }
    for (std::size_t i = 0; i < p_.outputs.size(); ++i) {
      const SlotView& view = plan_->slots[static_cast<std::size_t>(p_.outputs[i].slot)];
      if (buffer(slot(p_.outputs[i].slot).buffer).kind == BufferKind::output &&
          (!view.known || !view.dense || view.offset != 0))
        return malformed(fmt::format("output '{}' is not row-major", p_.outputs[i].name));
    }
    return {};
  }

  std::optional<Shape> output_shape(const Port& port) const {
    const Slot& s = slot(port.slot);
    if (!s.ranked || !all_known(plan_->registers, s.extents)) return std::nullopt;
    return slot_shape(s, plan_->registers);
  }

  // --- steps ---

  Status prepare_steps() {
    plan_->steps.resize(p_.steps.size());
    for (std::size_t i = 0; i < p_.steps.size(); ++i) {
      const Step& step = p_.steps[i];
      StepPlan& out = plan_->steps[i];
      out.late = !known(step.inputs) || !known(step.outputs);
      if (!step.operation->is_kernel() || out.late) continue;
      Result<kernels::PreparedPtr> prepared =
          prepare_step(step, plan_->slots, plan_->level, plan_->threads);
      if (!prepared.ok()) return std::move(prepared).status().in(describe_step(step));
      out.prepared = std::move(prepared).value();
      out.workspace_bytes = aligned(static_cast<std::int64_t>(out.prepared->workspace));
      plan_->shared_steps = plan_->shared_steps || out.prepared->parts > 1;
      plan_->work_ns += 200 + out.prepared->flops / 40 + out.prepared->bytes / 10;
    }
    return {};
  }

  bool known(std::span<const SlotId> slots) const {
    return std::all_of(slots.begin(), slots.end(), [&](SlotId s) {
      return s == kNoSlot || plan_->slots[static_cast<std::size_t>(s)].known;
    });
  }

  // --- placing ---

  std::int64_t scratch_bytes(std::size_t step) const {
    const StepPlan& s = plan_->steps[step];
    if (!s.prepared) return 0;
    return s.workspace_bytes * std::min(std::max(s.prepared->parts, 1), plan_->threads);
  }

  // Buffers, and after them the scratch memory of steps, which lives for one step.
  Status place() {
    std::vector<Lifetime> lives;
    std::vector<std::size_t> buffers, steps;
    for (std::size_t i = 0; i < p_.buffers.size(); ++i) {
      if (p_.buffers[i].kind != BufferKind::arena) continue;
      if (plan_->buffer_bytes[i] < 0) {
        ++plan_->unplanned_buffers;
        continue;
      }
      lives.push_back({plan_->buffer_bytes[i], p_.buffers[i].first, p_.buffers[i].last});
      buffers.push_back(i);
    }
    for (std::size_t i = 0; i < plan_->steps.size(); ++i)
      if (const std::int64_t bytes = scratch_bytes(i); bytes > 0) {
        const auto at = static_cast<std::int32_t>(i);
        lives.push_back({bytes, at, at});
        steps.push_back(i);
      }
    MemoryPlan memory = plan_memory(lives, false);
    TRY(prefer_static(lives, buffers, memory));
    plan_->offsets.assign(p_.buffers.size(), -1);
    for (std::size_t i = 0; i < buffers.size(); ++i) plan_->offsets[buffers[i]] = memory.offsets[i];
    for (std::size_t i = 0; i < steps.size(); ++i)
      plan_->steps[steps[i]].workspace = memory.offsets[buffers.size() + i];
    plan_->arena_bytes = memory.total;
    plan_->lower_bound = memory.lower_bound;
    return {};
  }

  // Takes the compiler's offsets, which it had more time to find, when scratch memory fits beside
  // them without making the whole larger than the plan made here.
  Status prefer_static(std::span<const Lifetime> lives, std::span<const std::size_t> buffers,
                       MemoryPlan& memory) const {
    if (!p_.plan) return {};
    MemoryPlan given;
    given.lower_bound = memory.lower_bound;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const std::int64_t offset = p_.plan->offsets[buffers[i]];
      if (lives[i].bytes > p_.plan->arena_bytes || offset > p_.plan->arena_bytes - lives[i].bytes)
        return malformed("the static memory plan is too small for its buffers");
      given.offsets.push_back(offset);
      given.total = std::max(given.total, offset + aligned(lives[i].bytes));
    }
    for (std::size_t i = buffers.size(); i < lives.size(); ++i) {
      given.offsets.push_back(lowest_gap(lives.first(buffers.size()), given.offsets, lives[i]));
      given.total = std::max(given.total, given.offsets.back() + lives[i].bytes);
    }
    if (given.total <= memory.total) memory = std::move(given);
    return {};
  }

  static std::int64_t lowest_gap(std::span<const Lifetime> placed,
                                 std::span<const std::int64_t> offsets, const Lifetime& wanted) {
    std::vector<std::pair<std::int64_t, std::int64_t>> taken;
    for (std::size_t i = 0; i < placed.size(); ++i)
      if (placed[i].first <= wanted.last && wanted.first <= placed[i].last && placed[i].bytes > 0)
        taken.emplace_back(offsets[i], offsets[i] + aligned(placed[i].bytes));
    std::sort(taken.begin(), taken.end());
    std::int64_t top = 0;
    for (const auto& [begin, end] : taken) {
      if (begin - top >= wanted.bytes) break;
      top = std::max(top, end);
    }
    return top;
  }

  const Program& p_;
  std::span<const Shape> inputs_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace

Shape slot_shape(const Slot& slot, const Registers& registers) {
  std::vector<std::int64_t> extents;
  extents.reserve(slot.extents.size());
  for (const Register r : slot.extents) extents.push_back(registers[r]);
  return Shape(std::move(extents));
}

std::string describe_step(const Step& step) {
  return fmt::format("step '{}' ({})", step.name, step.operation->name);
}

Result<SlotView> view_slot(const Program& program, const Slot& slot, const Registers& registers,
                           std::int64_t buffer_bytes) {
  const Shape shape = slot_shape(slot, registers);
  const std::optional<std::int64_t> count = shape.checked_count();
  const auto size = static_cast<std::int64_t>(dtype_size(slot.dtype));
  if (!count || !checked_mul(*count, size))
    return limit_error(
        fmt::format("the shape {} has a negative extent or too many elements", shape.to_string()));
  SlotView out;
  out.known = true;
  out.count = *count;
  std::vector<std::int64_t> strides;
  if (program.buffers[static_cast<std::size_t>(slot.buffer)].kind == BufferKind::value) {
    strides = shape.strides();
  } else {
    for (const Register r : slot.strides) strides.push_back(registers[r]);
    if (*count > 0) {
      const std::int64_t offset = registers[slot.offset];
      ASSIGN(const Reach reach, reach_of(offset, shape.dims(), strides));
      if (reach.first < 0 || (buffer_bytes >= 0 && reach.last >= buffer_bytes / size))
        return malformed("it reaches beyond its buffer");
      out.offset = offset * size;
    }
  }
  out.dense = *count == 0 || is_dense(shape.dims(), strides);
  out.view.dtype = slot.dtype;
  out.view.rank = shape.rank() <= kernels::kMaxAxes ? shape.rank() : -1;
  for (int d = 0; d < out.view.rank; ++d) {
    const auto a = static_cast<std::size_t>(d);
    out.view.extents[a] = shape[d];
    out.view.strides[a] = strides[a];
  }
  return out;
}

Result<kernels::PreparedPtr> prepare_step(const Step& step, std::span<const SlotView> slots,
                                          Level level, int threads) {
  std::vector<kernels::View> inputs, outputs;
  const auto views = [&](std::span<const SlotId> ids, std::vector<kernels::View>& out) {
    for (const SlotId s : ids) {
      out.emplace_back();
      if (s == kNoSlot)
        out.back().rank = -1;
      else
        out.back() = slots[static_cast<std::size_t>(s)].view;
    }
  };
  views(step.inputs, inputs);
  views(step.outputs, outputs);
  return step.operation->prepare(step.attributes.get(), {inputs, outputs, level, threads});
}

Result<std::unique_ptr<const Plan>> make_plan(const Program& program, std::span<const Shape> inputs,
                                              Level level, int threads) {
  return Planner(program, inputs, level, threads).make();
}

}  // namespace gossamer::runtime
