// Copy and Concat: views where they can be, else steps that move elements.
#include <algorithm>

#include "compile/emit.h"
#include "kernels/copy/copy.h"
#include "reference/concat.h"

namespace gossamer::compile {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// A value in motion: its place, and whether that is memory of this node's own.
class Mover {
 public:
  Mover(Emitter& e, NodeId id) : e_(e), id_(id), place_(e.place(e.node(id).operands[0])) {}

  const Place& place() const { return place_; }

  Result<bool> apply(const Step& step) {
    const Number number = [&](const Extent& x) { return e_.number(e_.node(id_), x); };
    if (std::optional<Place> view = view_after(place_, step, number)) {
      place_ = std::move(*view);
      return true;
    }
    if (const auto* pad = std::get_if<PadStep>(&step)) return apply_pad(*pad, number);
    if (const auto* repeat = std::get_if<RepeatStep>(&step)) return apply_repeat(*repeat, number);
    if (std::holds_alternative<ReshapeStep>(step)) {
      if (!fits(place_.rank())) return false;
      place_ = e_.dense(place_);
      const std::optional<Place> view = view_after(place_, step, number);
      if (view) place_ = *view;
      return view.has_value();
    }
    return false;
  }

 private:
  static bool fits(int rank) { return rank <= kernels::kMaxAxes; }

  Result<bool> apply_pad(const PadStep& s, const Number& number) {
    const std::optional<Dim> before = number(s.before), after = number(s.after);
    if (!before || !after || !before->is_constant() || !after->is_constant() ||
        !fits(place_.rank()))
      return false;
    // The kernel crops what is spread already, not what is to be.
    const bool crops = *before->constant() < 0 || *after->constant() < 0;
    if (s.interior > 0 && crops) return false;
    kernels::PadStep pad;
    pad.before.assign(at(place_.rank()), 0);
    pad.after.assign(at(place_.rank()), 0);
    pad.before[at(s.axis)] = *before->constant();
    pad.after[at(s.axis)] = *after->constant();
    if (s.interior > 0) {
      pad.interior.assign(at(place_.rank()), 0);
      pad.interior[at(s.axis)] = s.interior;
    }
    pad.mode = static_cast<kernels::PadFill>(s.mode);
    std::vector<Place> inputs = {place_};
    if (s.value_operand >= 0) {
      const ValueId v = e_.node(id_).operands[at(s.value_operand)];
      if (!e_.fits_kernels(v)) return false;
      const std::optional<Place> value = view_as(e_.place(v), {Dim(1)});
      if (!value) return false;
      inputs.push_back(*value);
    }
    DimVector extents = place_.extents;
    const Dim n = extents[at(s.axis)];
    const Dim inner = s.interior > 0 ? max(n - Dim(1), Dim(0)) * Dim(s.interior) : Dim(0);
    extents[at(s.axis)] = max(n + inner + *before + *after, Dim(0));
    const Place to = e_.scratch(place_.dtype, extents, order_of(place_));
    e_.step("kernel.pad", std::move(pad), inputs, {to}, id_);
    place_ = to;
    return true;
  }

  // Repeats are an axis of stride 0 that a reshape then merges.
  Result<bool> apply_repeat(const RepeatStep& s, const Number& number) {
    const std::optional<Dim> times = number(s.times);
    if (!times || !fits(place_.rank() + 1)) return false;
    DimVector extents = place_.extents;
    const std::int64_t where = s.each ? s.axis + 1 : s.axis;
    Place split = place_;
    split.extents.insert(split.extents.begin() + where, *times);
    split.strides.insert(split.strides.begin() + where, Dim(0));
    extents[at(s.axis)] = extents[at(s.axis)] * *times;
    split = e_.dense(split);
    const std::optional<Place> view = view_as(split, extents);
    if (view) place_ = *view;
    return view.has_value();
  }

  Emitter& e_;
  NodeId id_;
  Place place_;
};

}  // namespace

Result<bool> emit_Copy(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const ValueId y = node.results[0];
  if (!e.fits_kernels(node.operands[0]) || !e.fits_kernels(y)) return false;
  const std::size_t before = e.step_count();
  Mover mover(e, id);
  for (const Step& step : attributes_of<CopyAttributes>(node).steps) {
    ASSIGN(const bool done, mover.apply(step));
    if (!done) {
      e.take_back(before);
      return false;
    }
  }
  Place place = mover.place();
  if (place.rank() != static_cast<int>(e.extents(y).size())) return false;
  place.extents = e.extents(y);
  e.alias(y, std::move(place));
  return true;
}

Result<bool> emit_Concat(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const ValueId y = node.results[0];
  if (!e.fits_kernels(y)) return false;
  for (const ValueId x : node.operands)
    if (!e.fits_kernels(x)) return false;
  const Place whole = e.concat_place(id);
  const auto axis = at(attributes_of<ConcatAttributes>(node).axis);
  Dim offset(0);
  for (const ValueId x : node.operands) {
    Place part = whole;
    part.extents[axis] = e.extents(x)[axis];
    part.offset = whole.offset + offset * whole.strides[axis];
    offset = offset + e.extents(x)[axis];
    const Place& now = e.place(x);
    if (now.buffer == part.buffer && now.offset == part.offset && now.strides == part.strides)
      continue;
    e.copy(now, part, id);
  }
  return true;
}

}  // namespace gossamer::compile
