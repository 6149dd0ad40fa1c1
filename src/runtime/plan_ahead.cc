// Static plans.
#include "runtime/plan_ahead.h"

#include <algorithm>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "runtime/memory_plan.h"
#include "runtime/plan.h"

namespace gossamer::runtime {

std::optional<std::vector<Shape>> fixed_inputs(const Program& program) {
  std::vector<Shape> shapes;
  for (const Port& port : program.inputs) {
    std::vector<std::int64_t> extents;
    if (port.slot == kNoSlot) {
      shapes.emplace_back();
      continue;
    }
    const Slot& slot = program.slots[static_cast<std::size_t>(port.slot)];
    if (!slot.ranked && port.is_tensor) return std::nullopt;
    for (const Register r : slot.extents) {
      const ShapeInstruction& in = program.shape_program[static_cast<std::size_t>(r)];
      if (in.op != ShapeOp::constant) return std::nullopt;
      extents.push_back(in.value);
    }
    shapes.emplace_back(std::move(extents));
  }
  return shapes;
}

Status plan_ahead(Program& program, int threads) {
  const std::optional<std::vector<Shape>> shapes = fixed_inputs(program);
  if (!shapes || program.plan) return {};
  ASSIGN(const std::unique_ptr<const Plan> plan,
         make_plan(program, *shapes, active_level(), threads > 0 ? threads : available_cpus()));
  if (plan->arena_bytes == plan->lower_bound || plan->unplanned_buffers > 0) return {};
  std::vector<Lifetime> lives;
  std::vector<std::size_t> buffers;
  for (std::size_t i = 0; i < program.buffers.size(); ++i) {
    const Buffer& b = program.buffers[i];
    if (b.kind != BufferKind::arena) continue;
    lives.push_back({plan->buffer_bytes[i], b.first, b.last});
    buffers.push_back(i);
  }
  for (std::size_t i = 0; i < plan->steps.size(); ++i) {
    const StepPlan& s = plan->steps[i];
    if (!s.prepared || s.workspace < 0) continue;
    const auto at = static_cast<std::int32_t>(i);
    const int shares = std::min(std::max(s.prepared->parts, 1), plan->threads);
    lives.push_back({s.workspace_bytes * shares, at, at});
  }
  const MemoryPlan found = plan_memory(lives, true);
  if (found.total >= plan->arena_bytes) return {};
  StaticPlan kept;
  kept.offsets.assign(program.buffers.size(), -1);
  for (std::size_t i = 0; i < buffers.size(); ++i) kept.offsets[buffers[i]] = found.offsets[i];
  kept.arena_bytes = found.total;
  program.plan = std::move(kept);
  return {};
}

}  // namespace gossamer::runtime
