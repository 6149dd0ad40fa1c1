// What reports show of a model: time, work, weights and memory step by step; what the machine can
// give.
#include "steps.h"

#include <map>
#include <set>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "measure/profile.h"

namespace gossamer::python {
namespace {

using Owners = std::map<const runtime::Step*, const runtime::Program*>;

void find_owners(const runtime::Program& program, Owners& owners) {
  for (const runtime::Step& step : program.steps) owners[&step] = &program;
  for (const runtime::Program& region : program.regions) find_owners(region, owners);
}

const runtime::Slot* slot_of(const runtime::Program& program, runtime::SlotId id) {
  return id == runtime::kNoSlot ? nullptr : &program.slots[static_cast<std::size_t>(id)];
}

// Bytes of constants by element type; each counts where it is read first.
nb::dict constants_of(const runtime::Program& program, const runtime::Step& step,
                      std::set<const Tensor*>& counted) {
  std::map<std::string, std::int64_t> bytes;
  for (const runtime::SlotId id : step.inputs) {
    const runtime::Slot* slot = slot_of(program, id);
    if (!slot) continue;
    const runtime::Buffer& buffer = program.buffers[static_cast<std::size_t>(slot->buffer)];
    if (buffer.kind != runtime::BufferKind::constant) continue;
    const Tensor& constant = program.constants[static_cast<std::size_t>(buffer.index)];
    if (!counted.insert(&constant).second) continue;
    bytes[std::string(dtype_name(constant.dtype()))] +=
        static_cast<std::int64_t>(constant.byte_size());
  }
  nb::dict out;
  for (const auto& [name, count] : bytes) out[name.c_str()] = count;
  return out;
}

nb::list rows_of(const runtime::Program& program, const measure::Profile& profile) {
  Owners owners;
  find_owners(program, owners);
  std::set<const Tensor*> counted;
  nb::list rows;
  for (const measure::StepProfile& p : profile.steps) {
    const runtime::Program& owner = *owners.at(p.step);
    const runtime::Slot* first =
        p.step->outputs.empty() ? nullptr : slot_of(owner, p.step->outputs[0]);
    nb::dict row;
    row["step"] = p.step->name;
    row["operation"] = std::string(p.step->operation->name);
    row["kernel"] = p.step->operation->is_kernel();
    row["depth"] = p.depth;
    row["calls"] = p.calls;
    row["ms"] = p.ns * 1e-6;
    row["flops"] = p.flops;
    row["bytes"] = p.bytes;
    row["threads"] = p.parts;
    row["dtype"] = first ? nb::object(nb::str(dtype_name(first->dtype).data())) : nb::none();
    row["constants"] = constants_of(owner, *p.step, counted);
    rows.append(row);
  }
  return rows;
}

// Bytes of working memory that live while each of the program's own steps runs.
nb::list memory_of(const runtime::Program& program, const runtime::Plan& plan) {
  std::vector<std::int64_t> live(program.steps.size());
  for (std::size_t b = 0; b < program.buffers.size(); ++b) {
    const runtime::Buffer& buffer = program.buffers[b];
    if (buffer.kind != runtime::BufferKind::arena || plan.buffer_bytes[b] <= 0) continue;
    for (auto s = static_cast<std::size_t>(std::max(buffer.first, 0));
         s <= static_cast<std::size_t>(std::max(buffer.last, 0)) && s < live.size(); ++s)
      live[s] += plan.buffer_bytes[b];
  }
  nb::list out;
  for (std::size_t s = 0; s < live.size(); ++s)
    out.append(live[s] + plan.steps[s].workspace_bytes * plan.threads);
  return out;
}

}  // namespace

nb::dict steps_of(const std::shared_ptr<Ready>& ready, std::vector<Operand> given, double seconds) {
  std::vector<Shape> shapes;
  for (const Operand& o : given)
    shapes.push_back(o.memory              ? Shape(o.memory->extents())
                     : o.value.is_tensor() ? o.value.tensor.shape()
                                           : Shape());
  const std::vector<Value> values = values_of(given);
  const Borrowed session(ready);
  measure::Profile profile;
  Flag flag;
  runtime::Session* const one = &*session;
  check(run_guarded({flag}, [&](const runtime::RunOptions& options) -> Status {
    TRY(one->run(values, options).status());
    ASSIGN(profile, measure::profile(*one, values, seconds, options.cancelled));
    return {};
  }));
  const std::shared_ptr<const runtime::Plan> plan = take(one->plan(shapes));
  nb::dict out;
  out["rows"] = rows_of(*ready->program, profile);
  out["memory"] = memory_of(*ready->program, *plan);
  out["arena_bytes"] = plan->arena_bytes;
  out["run_ms"] = profile.run_ns * 1e-6;
  out["runs"] = profile.runs;
  out["threads"] = plan->threads;
  return out;
}

nb::dict machine() {
  const auto rates = std::make_shared<measure::Rates>();
  interruptible([rates] { *rates = measure::measure_rates(available_cpus()); });
  nb::dict out;
  out["name"] = cpu_name();
  out["level"] = std::string(level_name(active_level()));
  out["threads"] = rates->threads;
  out["giga_flops"] = rates->giga_ops("f32", active_level()) * rates->threads;
  nb::dict read;
  read["l2"] = rates->l2;
  read["l3"] = rates->l3;
  read["memory"] = rates->memory;
  read["memory_all_threads"] = rates->memory_all;
  out["read_gb_per_s"] = read;
  return out;
}

}  // namespace gossamer::python
