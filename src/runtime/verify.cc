// Verifying programs: every index, and every relation that planning and running rely on.
#include <fmt/format.h>

#include "runtime/program.h"

namespace gossamer::runtime {
namespace {

constexpr int kMaxDepth = 64;  // of regions within regions

bool within(std::int64_t i, std::size_t count) {
  return i >= 0 && static_cast<std::uint64_t>(i) < count;
}

bool known_dtype(DType dtype) { return static_cast<int>(dtype) <= static_cast<int>(DType::string); }

class Verifier {
 public:
  Verifier(const Program& program, int depth) : p_(program), depth_(depth) {}

  Status run() {
    TRY(check_sizes());
    TRY(check_shape_program());
    for (std::size_t i = 0; i < p_.buffers.size(); ++i) TRY(check_buffer(i));
    for (std::size_t i = 0; i < p_.slots.size(); ++i) TRY(check_slot(i));
    TRY(check_ports());
    for (std::size_t i = 0; i < p_.steps.size(); ++i)
      if (Status s = check_step(i); !s.ok())
        return std::move(s).in(fmt::format("step {} ('{}')", i, p_.steps[i].name));
    TRY(check_plan());
    for (const auto& [a, b] : p_.equal_extents)
      if (!is_register(a) || !is_register(b))
        return malformed("two extents that must be equal are no registers");
    return check_regions();
  }

 private:
  Status check_sizes() const {
    constexpr std::size_t kMost = std::size_t{1} << 26;
    for (const std::size_t n : {p_.shape_program.size(), p_.constants.size(), p_.buffers.size(),
                                p_.slots.size(), p_.steps.size(), p_.regions.size()})
      if (n > kMost) return limit_error("the program has too many parts");
    return {};
  }

  bool is_register(Register r) const { return within(r, p_.shape_program.size()); }
  const Buffer& buffer_of(const Slot& slot) const {
    return p_.buffers[static_cast<std::size_t>(slot.buffer)];
  }
  bool is_slot(SlotId s) const { return within(s, p_.slots.size()); }
  const Slot& slot(SlotId s) const { return p_.slots[static_cast<std::size_t>(s)]; }

  Status check_shape_program() const {
    for (std::size_t i = 0; i < p_.shape_program.size(); ++i) {
      const ShapeInstruction& in = p_.shape_program[i];
      const auto wrong = [&] {
        return malformed(fmt::format("instruction {} of the shape program is wrong", i));
      };
      switch (in.op) {
        case ShapeOp::constant:
          break;
        case ShapeOp::input_extent:
          if (!within(in.a, p_.inputs.size()) ||
              !has_axis(p_.inputs[static_cast<std::size_t>(in.a)].slot, in.b))
            return wrong();
          break;
        case ShapeOp::late_extent:
          if (!has_axis(in.a, in.b)) return wrong();
          break;
        case ShapeOp::add:
        case ShapeOp::mul:
        case ShapeOp::floor_div:
        case ShapeOp::floor_mod:
        case ShapeOp::min:
        case ShapeOp::max:
          if (!within(in.a, i) || !within(in.b, i)) return wrong();
          break;
        default:
          return wrong();
      }
    }
    return {};
  }

  bool has_axis(SlotId s, std::int32_t axis) const {
    return is_slot(s) && slot(s).ranked && within(axis, slot(s).extents.size());
  }

  Status check_buffer(std::size_t i) const {
    const Buffer& b = p_.buffers[i];
    const auto wrong = [&] { return malformed(fmt::format("buffer {} is wrong", i)); };
    const bool lives = b.first >= 0 && b.first <= b.last && within(b.last, p_.steps.size() + 1);
    switch (b.kind) {
      case BufferKind::arena:
        return lives && is_register(b.bytes) ? Status() : wrong();
      case BufferKind::constant:
        return within(b.index, p_.constants.size()) ? Status() : wrong();
      case BufferKind::input:
        return within(b.index, p_.inputs.size()) ? Status() : wrong();
      case BufferKind::output:
        return within(b.index, p_.outputs.size()) ? Status() : wrong();
      case BufferKind::value:
        return lives ? Status() : wrong();
      default:
        return wrong();
    }
  }

  Status check_slot(std::size_t i) const {
    const Slot& s = p_.slots[i];
    const auto wrong = [&] { return malformed(fmt::format("slot {} is wrong", i)); };
    if (!within(s.buffer, p_.buffers.size()) || !known_dtype(s.dtype)) return wrong();
    const Buffer& b = buffer_of(s);
    const bool is_value = b.kind == BufferKind::value;
    if (!s.ranked) return is_value || b.kind == BufferKind::input ? Status() : wrong();
    if (s.extents.size() > static_cast<std::size_t>(kMaxRank)) return wrong();
    for (const Register r : s.extents)
      if (!is_register(r)) return wrong();
    if (!is_value) {
      if (s.strides.size() != s.extents.size() || !is_register(s.offset)) return wrong();
      for (const Register r : s.strides)
        if (!is_register(r)) return wrong();
    }
    return check_strings(s, b) && check_constant(s, b) ? Status() : wrong();
  }

  // A constant is read as what it is: what may serve as an index was checked, and copied, as such.
  bool check_constant(const Slot& s, const Buffer& b) const {
    return b.kind != BufferKind::constant ||
           p_.constants[static_cast<std::size_t>(b.index)].dtype() == s.dtype;
  }

  // Strings are no bytes: they lie in values and in the caller's and the program's tensors.
  bool check_strings(const Slot& s, const Buffer& b) const {
    const bool strings = s.dtype == DType::string;
    switch (b.kind) {
      case BufferKind::constant: {
        const Tensor& t = p_.constants[static_cast<std::size_t>(b.index)];
        return strings == (t.dtype() == DType::string);
      }
      case BufferKind::arena:
      case BufferKind::output:
        return !strings;
      default:
        return true;
    }
  }

  Status check_ports() const {
    for (std::size_t i = 0; i < p_.inputs.size(); ++i) {
      const Port& port = p_.inputs[i];
      if (port.slot == kNoSlot) continue;
      const bool fine = is_slot(port.slot) &&
                        buffer_of(slot(port.slot)).kind == BufferKind::input &&
                        buffer_of(slot(port.slot)).index == static_cast<std::int32_t>(i) &&
                        (port.is_tensor || !slot(port.slot).ranked);
      if (!fine) return malformed(fmt::format("input {} ('{}') is wrong", i, port.name));
    }
    for (std::size_t i = 0; i < p_.outputs.size(); ++i) {
      const Port& port = p_.outputs[i];
      const bool fine =
          is_slot(port.slot) && (buffer_of(slot(port.slot)).kind != BufferKind::output ||
                                 buffer_of(slot(port.slot)).index == static_cast<std::int32_t>(i));
      if (!fine) return malformed(fmt::format("output {} ('{}') is wrong", i, port.name));
    }
    // What lies in an output's memory is bounded by the output's own slot; an input of another
    // element type than its port's would be read beyond its end.
    for (std::size_t i = 0; i < p_.slots.size(); ++i) {
      const Buffer& b = buffer_of(p_.slots[i]);
      if (b.kind == BufferKind::output) {
        const Port& port = p_.outputs[static_cast<std::size_t>(b.index)];
        if (buffer_of(slot(port.slot)).kind != BufferKind::output)
          return malformed(fmt::format("slot {} lies in an output that lies elsewhere", i));
      }
      if (b.kind == BufferKind::input) {
        const SlotId port = p_.inputs[static_cast<std::size_t>(b.index)].slot;
        if (port == kNoSlot)
          return malformed(fmt::format("slot {} lies in an input that has none", i));
        const Slot& whole = slot(port);
        if (whole.ranked != p_.slots[i].ranked ||
            (whole.dtype == DType::string) != (p_.slots[i].dtype == DType::string))
          return malformed(fmt::format("slot {} takes an input for what it is not", i));
      }
    }
    return {};
  }

  Status check_step(std::size_t i) const {
    const Step& step = p_.steps[i];
    if (!step.operation || !step.attributes) return malformed("it has no operation");
    if (step.operation->is_kernel() == (step.operation->evaluate != nullptr))
      return malformed("its operation is wrong");
    for (const SlotId s : step.inputs)
      if (s != kNoSlot) TRY(check_use(step, i, s));
    for (const SlotId s : step.outputs) {
      if (s == kNoSlot) continue;
      TRY(check_use(step, i, s));
      const BufferKind kind = buffer_of(slot(s)).kind;
      if (kind == BufferKind::constant || kind == BufferKind::input)
        return malformed("it writes to what it must not");
    }
    for (const std::int32_t r : step.regions)
      if (!within(r, p_.regions.size())) return malformed("it has a region that is not there");
    if (!step.operation->is_kernel()) return {};
    if (!step.regions.empty()) return malformed("a kernel has no regions");
    return check_values_apart(step);
  }

  // A kernel's result that is a value takes the place of the one before, which nothing else of the
  // step may look into.
  Status check_values_apart(const Step& step) const {
    for (const SlotId s : step.outputs) {
      if (s == kNoSlot || buffer_of(slot(s)).kind != BufferKind::value) continue;
      std::size_t uses = 0;
      for (const auto* list : {&step.inputs, &step.outputs})
        for (const SlotId other : *list)
          uses += other != kNoSlot && slot(other).buffer == slot(s).buffer ? 1 : 0;
      if (uses > 1) return malformed("it uses a value twice that it makes");
    }
    return {};
  }

  Status check_use(const Step& step, std::size_t at, SlotId s) const {
    if (!is_slot(s)) return malformed("it uses a slot that is not there");
    const Slot& used = slot(s);
    const Buffer& b = buffer_of(used);
    const bool lives = b.kind == BufferKind::arena || b.kind == BufferKind::value;
    const auto step_number = static_cast<std::int64_t>(at);
    if (lives && (step_number < b.first || step_number > b.last))
      return malformed(fmt::format("it uses slot {} outside of its life", s));
    const bool packed =
        b.kind == BufferKind::constant && p_.constants[static_cast<std::size_t>(b.index)].packed();
    if (step.operation->is_kernel() &&
        (packed || !used.ranked || used.dtype == DType::string ||
         used.extents.size() > static_cast<std::size_t>(kernels::kMaxAxes)))
      return malformed(fmt::format("a kernel cannot use slot {}", s));
    return {};
  }

  Status check_plan() const {
    if (!p_.plan) return {};
    const auto wrong = [&] { return malformed("the static memory plan is wrong"); };
    if (p_.plan->offsets.size() != p_.buffers.size() || p_.plan->arena_bytes < 0 ||
        p_.plan->arena_bytes > std::int64_t{1} << 60)
      return wrong();
    for (std::size_t i = 0; i < p_.buffers.size(); ++i)
      if (p_.buffers[i].kind == BufferKind::arena &&
          (p_.plan->offsets[i] < 0 || p_.plan->offsets[i] % 64 != 0))
        return wrong();
    return {};
  }

  Status check_regions() const {
    if (!p_.regions.empty() && depth_ == kMaxDepth) return limit_error("regions nest too deeply");
    for (std::size_t i = 0; i < p_.regions.size(); ++i)
      if (Status s = Verifier(p_.regions[i], depth_ + 1).run(); !s.ok())
        return std::move(s).in(fmt::format("region {}", i));
    return {};
  }

  const Program& p_;
  int depth_;
};

}  // namespace

Status verify(const Program& program) { return Verifier(program, 0).run(); }

}  // namespace gossamer::runtime
