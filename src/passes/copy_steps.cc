// Steps of Copy: normal form.
#include "passes/copy_steps.h"

#include <algorithm>
#include <limits>

#include "graph/infer.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

constexpr std::int64_t kOpenEnd = std::numeric_limits<std::int32_t>::max();

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

void each_extent(Step& step, const std::function<void(Extent&)>& f) {
  if (auto* s = std::get_if<SliceStep>(&step)) {
    f(s->start);
    f(s->end);
  } else if (auto* p = std::get_if<PadStep>(&step)) {
    f(p->before);
    f(p->after);
  } else if (auto* r = std::get_if<RepeatStep>(&step)) {
    f(r->times);
  } else if (auto* e = std::get_if<ExpandStep>(&step)) {
    for (Extent& d : e->dims) f(d);
  } else if (auto* h = std::get_if<ReshapeStep>(&step)) {
    for (ReshapeEntry& d : h->dims)
      if (d.kind == ReshapeEntry::Kind::extent) f(d.extent);
  }
}

// Calls f with each operand number that a step refers to.
void each_operand(Step& step, const std::function<void(std::int16_t&)>& f) {
  each_extent(step, [&](Extent& e) {
    if (!e.is_literal()) f(e.operand);
  });
  if (auto* p = std::get_if<PadStep>(&step); p && p->value_operand >= 0) f(p->value_operand);
}

bool is_zero(const Tensor& t) {
  if (t.dtype() == DType::string || t.packed()) return false;
  const auto* bytes = static_cast<const std::byte*>(t.data());
  return std::all_of(bytes, bytes + t.byte_size(), [](std::byte b) { return b == std::byte{0}; });
}

void fix_literals(const Graph& graph, CopyChain& chain) {
  const InferContext context(graph, chain.operands, 0, {}, {});
  for (Step& step : chain.steps) {
    each_extent(step, [&](Extent& e) {
      if (e.is_literal() || !context.has(at(e.operand))) return;
      const std::optional<DimVector> known = context.contents(at(e.operand));
      if (!known || at(e.element) >= known->size()) return;
      if (const auto value = (*known)[at(e.element)].constant()) e = Extent(*value);
    });
    if (auto* reshape = std::get_if<ReshapeStep>(&step)) {
      for (ReshapeEntry& e : reshape->dims) {
        if (e.kind != ReshapeEntry::Kind::extent || !e.extent.is_literal()) continue;
        if (e.extent.value == -1)
          e = ReshapeEntry::infer();
        else if (e.zero_copies && e.extent.value == 0)
          e = ReshapeEntry::keep(e.first);
        else
          e = ReshapeEntry::of(e.extent);
      }
    }
    auto* pad = std::get_if<PadStep>(&step);
    if (!pad || pad->value_operand < 0) continue;
    const Tensor* value = context.constant(at(pad->value_operand));
    if (value && is_zero(*value)) pad->value_operand = -1;
  }
}

void drop_unread_operands(CopyChain& chain) {
  std::vector<std::int16_t> moved(chain.operands.size(), -1);
  std::vector<ValueId> kept = {chain.operands[0]};
  for (Step& step : chain.steps)
    each_operand(step, [&](std::int16_t& operand) {
      std::int16_t& to = moved[at(operand)];
      if (to < 0) {
        to = static_cast<std::int16_t>(kept.size());
        kept.push_back(chain.operands[at(operand)]);
      }
      operand = to;
    });
  chain.operands = std::move(kept);
}

using MaybeShape = std::optional<DimVector>;

bool is_identity(const Step& step, const MaybeShape& before, const MaybeShape& after) {
  if (const auto* p = std::get_if<PermuteStep>(&step)) {
    for (std::size_t i = 0; i < p->axes.size(); ++i)
      if (p->axes[i] != static_cast<int>(i)) return false;
    return true;
  }
  if (const auto* s = std::get_if<SliceStep>(&step)) {
    if (s->stride != 1 || s->start != Extent(0) || !s->end.is_literal()) return false;
    return s->end.value >= kOpenEnd ||
           (before && after && (*before)[at(s->axis)] == (*after)[at(s->axis)]);
  }
  if (const auto* p = std::get_if<PadStep>(&step))
    return p->before == Extent(0) && p->after == Extent(0) && p->interior == 0;
  if (const auto* r = std::get_if<RepeatStep>(&step)) return r->times == Extent(1);
  const bool by_shape =
      std::holds_alternative<ReshapeStep>(step) || std::holds_alternative<ExpandStep>(step);
  return by_shape && before && after && *before == *after;
}

// Entries that make `to` of `from`; nothing when more than one extent follows from no axis.
std::optional<ReshapeStep> spell_reshape(const DimVector& from, const DimVector& to) {
  ReshapeStep step;
  int inferred = 0;
  bool positive = true;
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (to[i].is_constant()) {
      step.dims.push_back(ReshapeEntry::of(*to[i].constant()));
      positive = positive && to[i] != Dim(0);
      continue;
    }
    auto axis = i < from.size() && from[i] == to[i] ? from.begin() + static_cast<std::ptrdiff_t>(i)
                                                    : std::find(from.begin(), from.end(), to[i]);
    if (axis != from.end()) {
      step.dims.push_back(ReshapeEntry::keep(static_cast<int>(axis - from.begin())));
      positive = positive && to[i].certainly_positive();
      continue;
    }
    step.dims.push_back(ReshapeEntry::infer());
    if (++inferred > 1) return std::nullopt;
  }
  // Beside an axis that may be empty nothing can be inferred.
  if (inferred > 0 && !positive) return std::nullopt;
  return step;
}

bool is_natural(const Extent& e) { return e.is_literal() && e.value >= 0; }

std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  return checked_add(a, b).value_or(std::numeric_limits<std::int64_t>::max());
}

// A permute that moves extents of 1 only is a reshape.
bool moves_ones_only(const PermuteStep& step, const MaybeShape& before) {
  if (!before) return false;
  int last = -1;
  for (int axis : step.axes) {
    if ((*before)[at(axis)] == Dim(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool reshapes(const Step& step, const MaybeShape& before) {
  const auto* p = std::get_if<PermuteStep>(&step);
  return std::holds_alternative<ReshapeStep>(step) || (p && moves_ones_only(*p, before));
}

// One step for two, if there is one.
std::optional<Step> merged(const Step& a, const Step& b, const MaybeShape& before,
                           const MaybeShape& between, const MaybeShape& after) {
  const auto* pa = std::get_if<PermuteStep>(&a);
  const auto* pb = std::get_if<PermuteStep>(&b);
  if (pa && pb) {
    PermuteStep both;
    for (int axis : pb->axes) both.axes.push_back(pa->axes[at(axis)]);
    return both;
  }
  if (reshapes(a, before) && reshapes(b, between)) {
    if (!before || !after) return std::nullopt;
    return spell_reshape(*before, *after);
  }
  const auto* sa = std::get_if<SliceStep>(&a);
  const auto* sb = std::get_if<SliceStep>(&b);
  if (sa && sb && sa->axis == sb->axis && sa->stride == 1 && sb->stride == 1 &&
      is_natural(sa->start) && is_natural(sa->end) && is_natural(sb->start) && is_natural(sb->end))
    return SliceStep{sa->axis, saturating_sum(sa->start.value, sb->start.value),
                     std::min(sa->end.value, saturating_sum(sa->start.value, sb->end.value)), 1};
  const auto* da = std::get_if<PadStep>(&a);
  const auto* db = std::get_if<PadStep>(&b);
  if (da && db && da->axis == db->axis && da->mode == PadMode::constant &&
      db->mode == PadMode::constant && da->value_operand == db->value_operand &&
      da->interior == 0 && db->interior == 0 && is_natural(da->before) && is_natural(da->after) &&
      is_natural(db->before) && is_natural(db->after)) {
    PadStep both = *da;
    both.before = saturating_sum(da->before.value, db->before.value);
    both.after = saturating_sum(da->after.value, db->after.value);
    return both;
  }
  return std::nullopt;
}

// One change towards the normal form; false when there is none left.
bool improve(const Graph& graph, CopyChain& chain) {
  const std::vector<MaybeShape> shapes = shapes_along(graph, chain);
  StepList& steps = chain.steps;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto place = steps.begin() + static_cast<std::ptrdiff_t>(i);
    if (is_identity(steps[i], shapes[i], shapes[i + 1])) {
      steps.erase(place);
      return true;
    }
    if (i + 1 == steps.size()) return false;
    if (auto one = merged(steps[i], steps[i + 1], shapes[i], shapes[i + 1], shapes[i + 2])) {
      steps[i] = std::move(*one);
      steps.erase(place + 1);
      return true;
    }
    auto* slice = std::get_if<SliceStep>(&steps[i + 1]);
    if (const auto* permute = std::get_if<PermuteStep>(&steps[i]); permute && slice) {
      slice->axis = permute->axes[at(slice->axis)];
      std::swap(steps[i], steps[i + 1]);
      return true;
    }
  }
  return false;
}

}  // namespace

CopyChain chain_of(const Node& node) {
  return {node.operands, attributes_of<CopyAttributes>(node).steps};
}

CopyChain joined(const CopyChain& first, const CopyChain& second) {
  CopyChain out = first;
  const auto offset = static_cast<std::int16_t>(first.operands.size() - 1);
  for (Step step : second.steps) {
    each_operand(step, [&](std::int16_t& operand) {
      operand = static_cast<std::int16_t>(operand + offset);
    });
    out.steps.push_back(std::move(step));
  }
  out.operands.insert(out.operands.end(), second.operands.begin() + 1, second.operands.end());
  return out;
}

std::vector<std::optional<DimVector>> shapes_along(const Graph& graph, const CopyChain& chain) {
  std::vector<MaybeShape> shapes = {graph.value(chain.operands[0]).type.shape};
  int fresh = 0;
  CopyAttributes prefix;
  for (const Step& step : chain.steps) {
    prefix.steps.push_back(step);
    InferContext context(graph, chain.operands, 1, {},
                         [&] { return Dim::symbol("passing." + std::to_string(fresh++)); });
    const bool fits = kCopy.infer(&prefix, context).ok();
    shapes.push_back(fits ? context.result(0).shape : std::nullopt);
  }
  return shapes;
}

void normalize(const Graph& graph, CopyChain& chain) {
  if (!graph.value(chain.operands[0]).type.is_tensor()) return;
  fix_literals(graph, chain);
  while (improve(graph, chain)) {
  }
  drop_unread_operands(chain);
}

const std::vector<int>* as_permute(const Node& node) {
  if (node.primitive != &kCopy) return nullptr;
  const StepList& steps = attributes_of<CopyAttributes>(node).steps;
  if (steps.size() != 1) return nullptr;
  const auto* permute = std::get_if<PermuteStep>(&steps[0]);
  return permute ? &permute->axes : nullptr;
}

}  // namespace gossamer
